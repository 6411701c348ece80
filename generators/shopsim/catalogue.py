"""The products and what becomes of them: a function of scenario and seed, the same for every lane.

Each process advances its own copy window by window. A product's events are published by lane `index % lanes`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopsim.draws import Draws, Ints, Purpose, cumulated, exponential
from shopsim.records import Pending
from shopsim.scenario import Scenario
from shopsim.seasons import DAY_MS, FAR_MS, MINUTE_MS, QUIET_MS, Span

FIRST_LAUNCHES_MS = 10 * MINUTE_MS
"""The first products are launched in so much of the start."""

STOCKED_MS = 30 * MINUTE_MS
"""Every lane has its first units of a product so much after its launch, at the latest."""

_REBATES = (-20, -15, -10, -5, 5, 8, 12)  # percent of the base price that a changed price differs by
_NAME_WORDS = 2**20


@dataclass(frozen=True, slots=True)
class Assortment:
    """All products known in one window; index = product. Arrays have shape [products].

    Attributes:
        category: position in the scenario's categories.
        naming: shape [3, products], numbers that choose the words of the name.
        quality: mean rating in hundredths.
        popularity: relative demand, whole numbers.
        launched_ms, discontinued_ms: from (included) and to (excluded).
        repriced_ms: when in this window the price changes, `FAR_MS` if it does not.
        price_before, price_after: in cents, around `repriced_ms`.
    """

    category: Ints
    naming: Ints
    quality: Ints
    popularity: Ints
    launched_ms: Ints
    discontinued_ms: Ints
    repriced_ms: Ints
    price_before: Ints
    price_after: Ints

    def __len__(self) -> int:
        return len(self.category)

    def price_at(self, product: Ints, at_ms: Ints) -> Ints:
        """Prices in cents of products at times in the window or in the quiet beginning of the next."""
        changed = at_ms >= self.repriced_ms[product]
        return np.where(changed, self.price_after[product], self.price_before[product])


class Catalogue:
    """The timeline of all products. Mutable; `advance` must be called for window 0, 1, 2 and so on."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._settings, self._seed = scenario.catalogue, seed
        self._categories = cumulated(c.weight for c in scenario.catalogue.categories)
        self._lows = np.array([c.price_cents[0] for c in scenario.catalogue.categories], dtype=np.int64)
        self._highs = np.array([c.price_cents[1] for c in scenario.catalogue.categories], dtype=np.int64)
        ranks = range(1, scenario.catalogue.products + 1)
        demand = [max(1, round(2**24 / rank**scenario.catalogue.zipf)) for rank in ranks]
        self._demand = np.array(demand, dtype=np.int64)
        lifetime = scenario.catalogue.lifetime_days * DAY_MS
        self._lifetimes = exponential(lifetime, 14 * DAY_MS, int(20 * lifetime) + 14 * DAY_MS)
        self._static = np.empty((9, 0), dtype=np.int64)
        self._price = np.empty(0, dtype=np.int64)

    def advance(self, span: Span) -> tuple[Assortment, Pending]:
        """The assortment of a window, and the catalogue's events that fall in it."""
        draws = Draws(self._seed, -1, span.index, Purpose.CATALOGUE)
        fresh = len(self._price)
        launched = self._launches(span, draws)
        self._static = np.concatenate([self._static, self._new_products(launched, draws)], axis=1)
        category, base, quality, popularity, launches, ends = self._static[:6]
        price = np.concatenate([self._price, base[fresh:]])
        repriced, after = self._price_changes(span, draws, price)
        self._price = after
        products = Assortment(category, self._static[6:], quality, popularity, launches, ends, repriced, price, after)
        return products, _events(span, products, fresh)

    def _launches(self, span: Span, draws: Draws) -> Ints:
        later = np.sort(span.settled(draws, draws.poisson(self._settings.launches_per_day * span.days)))
        if span.index:
            return later & ~1
        step = FIRST_LAUNCHES_MS // self._settings.products
        return np.concatenate([span.start_ms + np.arange(self._settings.products) * step, later]) & ~1

    def _new_products(self, launched: Ints, draws: Draws) -> Ints:
        n, known, first = len(launched), self._static.shape[1], self._settings.products
        category = draws.pick(self._categories, n)
        base = self._lows[category] + draws.below(self._highs[category] - self._lows[category] + 1, n)
        base = np.maximum(base // 50 * 50 - 1, 49)  # 4.99 rather than 5.13
        spread = draws.between(-90, 60, n) + draws.between(-60, 60, n)
        quality = np.clip(round(self._settings.quality * 100) + spread, 100, 500)
        ranks = draws.below(first, n)
        if known == 0:  # each rank once, in an order of its own
            ranks[:first] = np.argsort(draws.words(first), kind="stable")
        ends = (launched + draws.sample(self._lifetimes, n)) & ~1
        index = known + np.arange(n)
        ends[(index < first) & (draws.chance(self._settings.staple_share, n) | (index == 0))] = FAR_MS
        naming = [draws.below(_NAME_WORDS, n) for _ in range(3)]
        return np.stack([category, base, quality, self._demand[ranks], launched, ends, *naming])

    def _price_changes(self, span: Span, draws: Draws, price: Ints) -> tuple[Ints, Ints]:
        _, base, _, _, launched, ends = self._static[:6]
        n = len(base)
        at = span.settled(draws, n) & ~1
        rebate = np.array(_REBATES, dtype=np.int64)[draws.below(len(_REBATES), n)]
        wanted = np.maximum(base * (100 + rebate) // 100, 49)
        probability = min(1.0, self._settings.price_changes_per_year * span.days / 365)
        changes = draws.chance(probability, n) & (wanted != price)
        changes &= (launched < span.start_ms + QUIET_MS) & (at < ends)
        return np.where(changes, at, FAR_MS), np.where(changes, wanted, price)


def _events(span: Span, products: Assortment, fresh: int) -> Pending:
    events = Pending()
    new = np.arange(fresh, len(products))
    events.add("product_launched", products.launched_ms[new], product_id=new, price_cents=products.price_before[new])
    changed = np.flatnonzero(products.repriced_ms < FAR_MS)
    at = products.repriced_ms[changed]
    events.add("product_price_changed", at, product_id=changed, price_cents=products.price_after[changed])
    ends = products.discontinued_ms
    gone = np.flatnonzero((ends >= span.start_ms) & (ends < span.end_ms))
    events.add("product_discontinued", ends[gone], product_id=gone)
    return events


@dataclass(frozen=True, slots=True)
class Shelf:
    """Which products visitors of a window may meet, and how much they want each.

    Attributes:
        candidates: products on sale in some of the window, int64 [candidates].
        demand: running totals of their popularity, scaled for `Draws.pick`.
        core, core_demand: the same for those on sale in all of it; never empty.
    """

    candidates: Ints
    demand: Ints
    core: Ints
    core_demand: Ints


def shelf(span: Span, products: Assortment) -> Shelf:
    """The shelf of a window; the same for every lane."""
    ends = products.discontinued_ms
    candidates = np.flatnonzero(ends > span.start_ms + QUIET_MS)
    stocked = products.launched_ms + STOCKED_MS < span.opens_ms
    core = np.flatnonzero(stocked & (ends > span.end_ms + QUIET_MS))
    return Shelf(candidates, _totals(products.popularity[candidates]), core, _totals(products.popularity[core]))


def _totals(popularity: Ints) -> Ints:
    # `Draws.below` multiplies by 32-bit words: the last total must stay under 2**31.
    totals = np.cumsum(popularity)
    shift = max(0, int(totals[-1]).bit_length() - 30)
    return np.cumsum(np.maximum(popularity >> shift, 1)) if shift else totals
