"""Sessions and their page views, searches and product views. Carts are in `carts`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopsim.calendar.scenario_calendar import ScenarioCalendar, locale_weights
from shopsim.calendar.traffic import QUIET_MS, Period
from shopsim.core.records import ABSENT, Pending, choices, contract_choice
from shopsim.core.rng import Ints, Purpose, RandomStream, expand_counts, lognormal, weighted_choice
from shopsim.scenario.sections import Scenario
from shopsim.shop.campaign_attribution import CampaignAttribution
from shopsim.shop.catalogue import Assortment
from shopsim.shop.customers import Arrivals, Customers, is_active_until
from shopsim.shop.popularity import Offer
from shopsim.shop.stock import Stock, is_sellable
from shopsim.shop.text_pools import QUERIES

MAX_STEPS = 40
"""Maximum number of steps (page views, searches, product views) of a session."""

_LONGEST_STEP_MS = 200_000
_PAGES = choices("page_viewed", "page")
_PAGE_WEIGHTS = {"home": 20, "category": 50, "offers": 15, "help": 5, "account": 10}


@dataclass(frozen=True, slots=True)
class Visits:
    """Sessions that start in a period, sorted by start. Arrays [sessions].

    Attributes:
        number: of the session, counted per lane.
        customer: the customer, or `ABSENT` for an anonymous session.
        locale: locale of the customer, or of the site that an anonymous visitor uses.
        start_ms: time of `session_started`.
    """

    number: Ints
    customer: Ints
    locale: Ints
    start_ms: Ints


@dataclass(frozen=True, slots=True)
class Views:
    """Product views, in time order within a session. Arrays [views] unless noted.

    Attributes:
        visit: row in `Visits`.
        product: index in the catalogue.
        at_ms: time of the view.
        last_ms: time of the last step of each visit, [sessions].
    """

    visit: Ints
    product: Ints
    at_ms: Ints
    last_ms: Ints


class Sessions:
    """Simulates the sessions of one lane. Mutable: it counts sessions."""

    def __init__(self, scenario: Scenario, seed: int, lane: int, calendar: ScenarioCalendar) -> None:
        self._settings, self._seed, self._lane = scenario.sessions, seed, lane
        self._attribution = CampaignAttribution(scenario, calendar)
        self._count = 0
        self._locales = locale_weights(scenario)
        self._devices = contract_choice("session_started", "device", self._settings.devices)
        self._referrers = contract_choice("session_started", "referrer", self._settings.referrers)
        self._campaigns = weighted_choice(weight for _, weight in sorted(self._settings.campaigns.items()))

    def start(self, period: Period, customers: Customers, arrivals: Arrivals, pending: Pending) -> Visits:
        """Start sessions of active customers, of customers who have just registered, and of anonymous visitors."""
        rng = RandomStream(self._seed, self._lane, period.index, Purpose.SESSIONS)
        known, start = self._customer_visits(period, rng, customers)
        wait = rng.between(2_000, 60_000, len(arrivals.at_ms))
        locale, anonymous_start = self._anonymous(period, rng, len(known))
        customer = np.concatenate([known, arrivals.customer, np.full(len(locale), ABSENT)])
        locale = np.concatenate([customers.locale[customer[: len(customer) - len(locale)]], locale])
        start = np.concatenate([start, arrivals.at_ms + wait, anonymous_start]) | 1
        order = np.argsort(start, kind="stable")
        number = self._count + np.arange(len(order))
        visits = Visits(number, customer[order], locale[order], start[order])
        self._count += len(order)
        self._publish(period, rng, visits, pending)
        return visits

    def _customer_visits(self, period: Period, rng: RandomStream, customers: Customers) -> tuple[Ints, Ints]:
        who = customers.visits
        running = np.cumsum(customers.weights(who) * period.visits[customers.locale[who]])
        total = int(running[-1]) if len(running) else 0
        n = rng.poisson(total / 100_000 * self._settings.per_customer_per_day)
        # Scaled down, so that a 32-bit word times the total fits into 63 bits.
        shift = max(0, total.bit_length() - 31)
        drawn = np.searchsorted(running >> shift, rng.below(max(total >> shift, 1), n), side="right")
        who = who[drawn] if n else np.empty(0, dtype=np.int64)
        start = period.traffic_times(rng, customers.locale[who].astype(np.int64))
        there = is_active_until(customers, who, start + QUIET_MS)
        return who[there], start[there]

    def _anonymous(self, period: Period, rng: RandomStream, known: int) -> tuple[Ints, Ints]:
        """Locales and start times of anonymous sessions, for `known` sessions with a login."""
        share = self._settings.anonymous_share
        weights = self._locales * period.visits
        if not weights.any():
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        locale = rng.pick(weighted_choice(weights), rng.poisson(share / (1 - share) * known))
        return locale, period.traffic_times(rng, locale)

    def _publish(self, period: Period, rng: RandomStream, visits: Visits, pending: Pending) -> None:
        n = len(visits.number)
        always = np.where(rng.chance(self._settings.campaign_share, n), rng.pick(self._campaigns, n), ABSENT)
        pending.add(
            "session_started",
            visits.start_ms,
            session_id=visits.number,
            customer_id=visits.customer,
            device=rng.pick(self._devices, n),
            referrer=rng.pick(self._referrers, n),
            campaign=self._attribution.campaign(period, rng, visits.locale, visits.start_ms, always),
        )


class Browsing:
    """Simulates the steps of sessions: pages, searches and products. Stateless."""

    def __init__(self, scenario: Scenario, seed: int, lane: int) -> None:
        self._seed, self._lane = seed, lane
        stop = 1 / scenario.sessions.steps
        self._steps = weighted_choice(stop * (1 - stop) ** k + 1e-12 for k in range(MAX_STEPS))
        self._gaps = lognormal(scenario.sessions.seconds_between_steps * 1000, 0.8, 1_000, _LONGEST_STEP_MS)
        rest = max(0.0, 1 - scenario.funnel.search - scenario.funnel.product)
        self._kinds = weighted_choice((scenario.funnel.search, scenario.funnel.product, rest))
        self._pages = contract_choice("page_viewed", "page", _PAGE_WEIGHTS)

    def browse(self, period: Period, visits: Visits, products: Assortment, stock: Stock, pending: Pending) -> Views:
        """Simulate the steps of sessions, which last at most `QUIET_MS` minus 15 minutes."""
        rng = RandomStream(self._seed, self._lane, period.index, Purpose.BROWSING)
        sessions = len(visits.number)
        steps = 1 + rng.pick(self._steps, sessions)
        visit, step = expand_counts(steps)
        gaps = rng.sample(self._gaps, len(visit))
        gaps[step == 0] = 400
        passed = np.cumsum(gaps)
        last = np.cumsum(steps) - 1
        at = visits.start_ms[visit] + passed - (passed[last] - _durations(passed, last))[visit]
        kind = rng.pick(self._kinds, len(visit))
        self._publish(rng, visits, visit, step, at, kind, pending)
        seen = np.flatnonzero(kind == 1)
        product = _choose(rng, visits.start_ms[visit[seen]], products, stock)
        pending.add("product_viewed", at[seen], session_id=visits.number[visit[seen]], product_id=product)
        return Views(visit[seen], product, at[seen] | 1, at[last])

    def _publish(
        self, rng: RandomStream, visits: Visits, visit: Ints, step: Ints, at: Ints, kind: Ints, pending: Pending
    ) -> None:
        searches = np.flatnonzero(kind == 0)
        pending.add(
            "search_performed",
            at[searches],
            session_id=visits.number[visit[searches]],
            query=rng.below(QUERIES, len(searches)),
            results=rng.below(60, len(searches)),
        )
        pages = np.flatnonzero(kind == 2)
        page = rng.pick(self._pages, len(pages))
        page[step[pages] == 0] = _PAGES.index("home")
        pending.add("page_viewed", at[pages], session_id=visits.number[visit[pages]], page=page)


def _durations(passed: Ints, last: Ints) -> Ints:
    """Time from the start of each session to its last step, from running totals over all; shape [sessions]."""
    return np.diff(passed[last], prepend=0)


def _choose(rng: RandomStream, session_ms: Ints, products: Assortment, stock: Stock) -> Ints:
    """A product for each view, from the offer at the start of its session; sessions are sorted by time."""
    starts = np.searchsorted(session_ms, [offer.from_ms for offer in products.offers[1:]])
    parts = [
        _choose_from(rng, offer, part, products, stock)
        for offer, part in zip(products.offers, np.split(session_ms, starts), strict=True)
    ]
    return np.concatenate(parts)


def _choose_from(rng: RandomStream, offer: Offer, session_ms: Ints, products: Assortment, stock: Stock) -> Ints:
    product = offer.candidates[rng.pick(offer.demand, len(session_ms))]
    gone = np.flatnonzero(~is_sellable(stock, products, product, session_ms))
    product[gone] = offer.core[rng.pick(offer.core_demand, len(gone))]
    return product
