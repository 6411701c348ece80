"""The customers of one lane: registration, changes, churn and reactivation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopsim.calendar.scenario_calendar import locale_weights
from shopsim.calendar.traffic import MINUTE_MS, NEVER_MS, Period
from shopsim.core.records import Pending
from shopsim.core.rng import Bools, Ints, Purpose, RandomStream, lognormal, threshold, weighted_choice
from shopsim.scenario.sections import Habits, Scenario, Segments
from shopsim.shop.currencies import ExchangeRates
from shopsim.shop.names_and_addresses import FIRST_NAMES, LAST_NAMES, PLACES, STREETS

SEGMENTS = Segments.__struct_fields__
"""Segments in the order of their numbers."""

_FIRST_FROM_MS = 10 * MINUTE_MS  # the first customers register between these times, after the first launches
_FIRST_UNTIL_MS = 55 * MINUTE_MS
_INACTIVE, _REQUESTED = 0, 1
_TEMPERAMENT = lognormal(1000, 0.7, 100, 8000)  # visits of a customer, in thousandths of the segment's mean
_MEAN_TEMPERAMENT = int(_TEMPERAMENT.sum()) // len(_TEMPERAMENT)


def habits(scenario: Scenario) -> list[Habits]:
    """The habits of each segment, by number."""
    return [getattr(scenario.customers.segments, name) for name in SEGMENTS]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Customers who registered or were reactivated in a period and visit at once: arrays [arrivals]."""

    customer: Ints
    at_ms: Ints


class Customers:
    """State of all customers of a lane, as columns with one row per customer. Mutable.

    Attributes:
        segment: number of the segment.
        locale: number of the locale.
        active: not churned at the start of the next period.
        leaves_ms: time of churn in the current period, else `NEVER_MS`.
        visits: customers who can visit in the period (until they leave), int64 indices.
    """

    def __init__(self, scenario: Scenario, seed: int, lane: int) -> None:
        settings = scenario.customers
        self._settings, self._seed, self._lane, self._lanes = settings, seed, lane, scenario.lanes
        self._segments = weighted_choice(h.weight for h in habits(scenario))
        self._locale_weights = locale_weights(scenario)
        self._currency = ExchangeRates(scenario).locale_currency
        self._activity = np.array([round(h.activity * 1000) for h in habits(scenario)], dtype=np.int64)
        # Small types, because a shop can have millions of customers. No other data is kept per customer.
        self.segment = np.empty(0, dtype=np.int8)
        self.locale = np.empty(0, dtype=np.int8)
        self.active = np.empty(0, dtype=bool)
        self.leaves_ms = np.empty(0, dtype=np.int64)
        self.visits = np.empty(0, dtype=np.int64)
        self._opted_in = np.empty(0, dtype=bool)
        self._temperament = np.empty(0, dtype=np.int16)

    def weights(self, customer: Ints) -> Ints:
        """Relative visit frequency of customers; the mean for activity 1 is 1,000."""
        scaled = self._activity[self.segment[customer]] * self._temperament[customer]
        return scaled // _MEAN_TEMPERAMENT

    def advance(self, period: Period, pending: Pending) -> Arrivals:
        """Simulate registrations, changes, churn and reactivations of a period."""
        rng = RandomStream(self._seed, self._lane, period.index, Purpose.CUSTOMERS)
        uniform_times = np.flatnonzero(self.active)
        away = np.flatnonzero(~self.active)
        self.leaves_ms = np.full(len(self.active), NEVER_MS)
        self._deactivate(period, rng, uniform_times, pending)
        self._change(period, rng, uniform_times, pending)
        back = self._reactivate(period, rng, away, pending)
        known = len(self.active)
        first = self._register_first(period, rng, pending) if period.index == 0 else 0
        self.visits = np.concatenate([uniform_times, np.arange(known, known + first)])
        new = self._register(period, rng, pending)
        come = rng.chance(self._settings.first_visit_share, len(new.at_ms))
        return Arrivals(
            np.concatenate([back.customer, new.customer[come]]), np.concatenate([back.at_ms, new.at_ms[come]])
        )

    def _sample(self, rng: RandomStream, customers: Ints, per_year: float, period: Period) -> Ints:
        probability = min(1.0, per_year * period.days / 365)
        chosen: Ints = customers[rng.chance(probability, len(customers))]
        return chosen

    def _sample_with_times(
        self, period: Period, rng: RandomStream, customers: Ints, per_year: float
    ) -> tuple[Ints, Ints]:
        """A random sample of customers with times, none after the customer has left."""
        chosen = self._sample(rng, customers, per_year, period)
        at = period.uniform_times(rng, len(chosen))
        there = is_active_until(self, chosen, at)
        return chosen[there], at[there]

    def _change(self, period: Period, rng: RandomStream, customers: Ints, pending: Pending) -> None:
        settings = self._settings
        moving, at = self._sample_with_times(period, rng, customers, settings.address_changes_per_year)
        pending.add("customer_address_changed", at, customer_id=moving, **self._address(rng, moving))
        changing, at = self._sample_with_times(period, rng, customers, settings.preference_changes_per_year)
        self._opted_in[changing] ^= True
        opted_in = self._opted_in[changing].astype(np.int64)
        pending.add("customer_preferences_changed", at, customer_id=changing, marketing_opt_in=opted_in)
        shifting, at = self._sample_with_times(period, rng, customers, settings.segment_changes_per_year)
        step = rng.between(1, len(SEGMENTS) - 1, len(shifting))
        segment = (self.segment[shifting] + step) % len(SEGMENTS)
        self.segment[shifting] = segment
        pending.add("customer_segment_changed", at, customer_id=shifting, segment=segment)

    def _deactivate(self, period: Period, rng: RandomStream, customers: Ints, pending: Pending) -> None:
        leaving = self._sample(rng, customers, self._settings.churn_per_year, period)
        at = period.uniform_times(rng, len(leaving))
        requested = rng.chance(self._settings.requested_deactivation_share, len(leaving))
        reason = np.where(requested, _REQUESTED, _INACTIVE)
        pending.add("customer_deactivated", at, customer_id=leaving, reason=reason)
        self.active[leaving] = False
        self.leaves_ms[leaving] = at

    def _reactivate(self, period: Period, rng: RandomStream, customers: Ints, pending: Pending) -> Arrivals:
        back = self._sample(rng, customers, self._settings.reactivations_per_year, period)
        at = period.uniform_times(rng, len(back))
        pending.add("customer_reactivated", at, customer_id=back)
        self.active[back] = True
        return Arrivals(back, at)

    def _register_first(self, period: Period, rng: RandomStream, pending: Pending) -> int:
        total = self._settings.initial
        n = len(range(self._lane, total, self._lanes))
        turn = self._lane + np.arange(n) * self._lanes  # 0 .. total - 1 over all lanes, for distinct times
        room = _FIRST_UNTIL_MS - _FIRST_FROM_MS
        at = period.start_ms + _FIRST_FROM_MS + turn * room // total
        self._add(rng, at, rng.pick(weighted_choice(self._locale_weights), n), pending)
        return n

    def _register(self, period: Period, rng: RandomStream, pending: Pending) -> Arrivals:
        weights = self._locale_weights * period.signups
        mean = self._settings.signups_per_day * int(weights.sum()) / int(self._locale_weights.sum()) / 100
        n = rng.poisson(mean / self._lanes)
        locale = rng.pick(weighted_choice(weights), n) if n else np.empty(0, dtype=np.int64)
        at = period.traffic_times(rng, locale)
        order = np.argsort(at, kind="stable")
        return Arrivals(self._add(rng, at[order], locale[order], pending), at[order])

    def _add(self, rng: RandomStream, at: Ints, locale: Ints, pending: Pending) -> Ints:
        n, known = len(at), len(self.active)
        new = np.arange(known, known + n)
        opted_in = rng.chance(self._settings.marketing_opt_in_share, n)
        segment = rng.pick(self._segments, n)
        self.segment = np.concatenate([self.segment, segment.astype(np.int8)])
        self.locale = np.concatenate([self.locale, locale.astype(np.int8)])
        temperament = rng.sample(_TEMPERAMENT, n).astype(np.int16)
        self._temperament = np.concatenate([self._temperament, temperament])
        self._opted_in = np.concatenate([self._opted_in, opted_in])
        self.active = np.concatenate([self.active, np.ones(n, dtype=bool)])
        self.leaves_ms = np.concatenate([self.leaves_ms, np.full(n, NEVER_MS)])
        pending.add(
            "customer_registered",
            at,
            customer_id=new,
            first_name=self._from_locale(rng, new, FIRST_NAMES),
            last_name=self._from_locale(rng, new, LAST_NAMES),
            segment=segment,
            currency=self._currency[locale],
            marketing_opt_in=opted_in.astype(np.int64),
            **self._address(rng, new),
        )
        return new

    def _address(self, rng: RandomStream, customers: Ints) -> dict[str, Ints]:
        return {
            "street": self._from_locale(rng, customers, STREETS),
            "number": rng.between(1, 180, len(customers)),
            "place": self._from_locale(rng, customers, PLACES),
        }

    def _from_locale(self, rng: RandomStream, customers: Ints, size: int) -> Ints:
        # Pools have one section of `size` entries per locale, so that names, streets and cities match.
        return self.locale[customers].astype(np.int64) * size + rng.below(size, len(customers))


def conversion_thresholds(scenario: Scenario, share: float) -> Ints:
    """Per segment, the `threshold` for the conversion of a visitor; the probability is at most 1."""
    return np.array([threshold(min(1.0, share * h.conversion)) for h in habits(scenario)], dtype=np.int64)


def is_active_until(customers: Customers, customer: Ints, until_ms: Ints) -> Bools:
    """Whether customers are still active at a time."""
    # Two milliseconds, because events of customers move to the next odd millisecond.
    still: Bools = until_ms + 2 < customers.leaves_ms[customer]
    return still
