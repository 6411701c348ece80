"""The customers of one lane: who comes, changes, leaves and comes back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopsim.calendar.scenario_calendar import locale_weights
from shopsim.calendar.traffic import FAR_MS, MINUTE_MS, Span
from shopsim.core.records import Pending
from shopsim.core.rng import Bools, Draws, Ints, Purpose, cumulated, lognormal, threshold
from shopsim.scenario.sections import Habits, Scenario, Segments
from shopsim.shop.currencies import Exchange
from shopsim.shop.names_and_addresses import FIRST_NAMES, LAST_NAMES, PLACES, STREETS

SEGMENTS = Segments.__struct_fields__
"""Segments in the order of their numbers."""

_FIRST_FROM_MS = 10 * MINUTE_MS  # the first customers register between these, after the first launches
_FIRST_UNTIL_MS = 55 * MINUTE_MS
_INACTIVE, _REQUESTED = 0, 1
_TEMPERAMENT = lognormal(1000, 0.7, 100, 8000)  # how much a customer visits, in thousandths of the segment's mean
_MEAN_TEMPERAMENT = int(_TEMPERAMENT.sum()) // len(_TEMPERAMENT)


def habits(scenario: Scenario) -> list[Habits]:
    """The habits of each segment, by number."""
    return [getattr(scenario.customers.segments, name) for name in SEGMENTS]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Customers who registered or came back in a window and go to the shop at once: arrays [arrivals]."""

    customer: Ints
    at_ms: Ints


class Customers:
    """State of all customers of a lane, as columns with one row per customer. Mutable.

    Attributes:
        segment: number of the segment.
        locale: number of the locale.
        active: not churned, at the start of the next window.
        leaves_ms: when a customer leaves in the current window, else `FAR_MS`.
        visits: customers who may visit during all of the window (until they leave), int64 indices.
    """

    def __init__(self, scenario: Scenario, seed: int, lane: int) -> None:
        settings = scenario.customers
        self._settings, self._seed, self._lane, self._lanes = settings, seed, lane, scenario.lanes
        self._segments = cumulated(h.weight for h in habits(scenario))
        self._locale_weights = locale_weights(scenario)
        self._currency = Exchange(scenario).of_locale
        self._activity = np.array([round(h.activity * 1000) for h in habits(scenario)], dtype=np.int64)
        # Small types: a shop may have millions of customers, and these columns are all that is kept of them.
        self.segment = np.empty(0, dtype=np.int8)
        self.locale = np.empty(0, dtype=np.int8)
        self.active = np.empty(0, dtype=bool)
        self.leaves_ms = np.empty(0, dtype=np.int64)
        self.visits = np.empty(0, dtype=np.int64)
        self._opted_in = np.empty(0, dtype=bool)
        self._temperament = np.empty(0, dtype=np.int16)

    def weights(self, customer: Ints) -> Ints:
        """How much customers visit, relative; a customer of activity 1 has 1,000 on average."""
        scaled = self._activity[self.segment[customer]] * self._temperament[customer]
        return scaled // _MEAN_TEMPERAMENT

    def advance(self, span: Span, pending: Pending) -> Arrivals:
        """Register, change, lose and win back customers in a window."""
        draws = Draws(self._seed, self._lane, span.index, Purpose.CUSTOMERS)
        settled = np.flatnonzero(self.active)
        away = np.flatnonzero(~self.active)
        self.leaves_ms = np.full(len(self.active), FAR_MS)
        self._lose(span, draws, settled, pending)
        self._change(span, draws, settled, pending)
        back = self._win_back(span, draws, away, pending)
        known = len(self.active)
        first = self._register_first(span, draws, pending) if span.index == 0 else 0
        self.visits = np.concatenate([settled, np.arange(known, known + first)])
        new = self._register(span, draws, pending)
        come = draws.chance(self._settings.first_visit_share, len(new.at_ms))
        return Arrivals(
            np.concatenate([back.customer, new.customer[come]]), np.concatenate([back.at_ms, new.at_ms[come]])
        )

    def _some(self, draws: Draws, customers: Ints, per_year: float, span: Span) -> Ints:
        probability = min(1.0, per_year * span.days / 365)
        chosen: Ints = customers[draws.chance(probability, len(customers))]
        return chosen

    def _changing(self, span: Span, draws: Draws, customers: Ints, per_year: float) -> tuple[Ints, Ints]:
        """Some customers and times, none after the customer has left."""
        chosen = self._some(draws, customers, per_year, span)
        at = span.settled(draws, len(chosen))
        there = stays(self, chosen, at)
        return chosen[there], at[there]

    def _change(self, span: Span, draws: Draws, customers: Ints, pending: Pending) -> None:
        settings = self._settings
        moving, at = self._changing(span, draws, customers, settings.address_changes_per_year)
        pending.add("customer_address_changed", at, customer_id=moving, **self._address(draws, moving))
        changing, at = self._changing(span, draws, customers, settings.preference_changes_per_year)
        self._opted_in[changing] ^= True
        opted_in = self._opted_in[changing].astype(np.int64)
        pending.add("customer_preferences_changed", at, customer_id=changing, marketing_opt_in=opted_in)
        shifting, at = self._changing(span, draws, customers, settings.segment_changes_per_year)
        step = draws.between(1, len(SEGMENTS) - 1, len(shifting))
        segment = (self.segment[shifting] + step) % len(SEGMENTS)
        self.segment[shifting] = segment
        pending.add("customer_segment_changed", at, customer_id=shifting, segment=segment)

    def _lose(self, span: Span, draws: Draws, customers: Ints, pending: Pending) -> None:
        leaving = self._some(draws, customers, self._settings.churn_per_year, span)
        at = span.settled(draws, len(leaving))
        requested = draws.chance(self._settings.requested_deactivation_share, len(leaving))
        reason = np.where(requested, _REQUESTED, _INACTIVE)
        pending.add("customer_deactivated", at, customer_id=leaving, reason=reason)
        self.active[leaving] = False
        self.leaves_ms[leaving] = at

    def _win_back(self, span: Span, draws: Draws, customers: Ints, pending: Pending) -> Arrivals:
        back = self._some(draws, customers, self._settings.reactivations_per_year, span)
        at = span.settled(draws, len(back))
        pending.add("customer_reactivated", at, customer_id=back)
        self.active[back] = True
        return Arrivals(back, at)

    def _register_first(self, span: Span, draws: Draws, pending: Pending) -> int:
        total = self._settings.initial
        n = len(range(self._lane, total, self._lanes))
        turn = self._lane + np.arange(n) * self._lanes  # 0 .. total - 1 over all lanes: distinct times
        room = _FIRST_UNTIL_MS - _FIRST_FROM_MS
        at = span.start_ms + _FIRST_FROM_MS + turn * room // total
        self._add(draws, at, draws.pick(cumulated(self._locale_weights), n), pending)
        return n

    def _register(self, span: Span, draws: Draws, pending: Pending) -> Arrivals:
        weights = self._locale_weights * span.signups
        mean = self._settings.signups_per_day * int(weights.sum()) / int(self._locale_weights.sum()) / 100
        n = draws.poisson(mean / self._lanes)
        locale = draws.pick(cumulated(weights), n) if n else np.empty(0, dtype=np.int64)
        at = span.seasonal(draws, locale)
        order = np.argsort(at, kind="stable")
        return Arrivals(self._add(draws, at[order], locale[order], pending), at[order])

    def _add(self, draws: Draws, at: Ints, locale: Ints, pending: Pending) -> Ints:
        n, known = len(at), len(self.active)
        new = np.arange(known, known + n)
        opted_in = draws.chance(self._settings.marketing_opt_in_share, n)
        segment = draws.pick(self._segments, n)
        self.segment = np.concatenate([self.segment, segment.astype(np.int8)])
        self.locale = np.concatenate([self.locale, locale.astype(np.int8)])
        temperament = draws.sample(_TEMPERAMENT, n).astype(np.int16)
        self._temperament = np.concatenate([self._temperament, temperament])
        self._opted_in = np.concatenate([self._opted_in, opted_in])
        self.active = np.concatenate([self.active, np.ones(n, dtype=bool)])
        self.leaves_ms = np.concatenate([self.leaves_ms, np.full(n, FAR_MS)])
        pending.add(
            "customer_registered",
            at,
            customer_id=new,
            first_name=self._from_locale(draws, new, FIRST_NAMES),
            last_name=self._from_locale(draws, new, LAST_NAMES),
            segment=segment,
            currency=self._currency[locale],
            marketing_opt_in=opted_in.astype(np.int64),
            **self._address(draws, new),
        )
        return new

    def _address(self, draws: Draws, customers: Ints) -> dict[str, Ints]:
        return {
            "street": self._from_locale(draws, customers, STREETS),
            "number": draws.between(1, 180, len(customers)),
            "place": self._from_locale(draws, customers, PLACES),
        }

    def _from_locale(self, draws: Draws, customers: Ints, size: int) -> Ints:
        # Pools hold one stretch of `size` per locale, so that names, streets and cities fit each other.
        return self.locale[customers].astype(np.int64) * size + draws.below(size, len(customers))


def conversion_thresholds(scenario: Scenario, share: float) -> Ints:
    """Per segment, the word below which a share of its visitors converts, capped at certainty."""
    return np.array([threshold(min(1.0, share * h.conversion)) for h in habits(scenario)], dtype=np.int64)


def stays(customers: Customers, customer: Ints, until_ms: Ints) -> Bools:
    """Whether customers are still there at a time."""
    # Two milliseconds: events of customers end up on the next odd one.
    still: Bools = until_ms + 2 < customers.leaves_ms[customer]
    return still
