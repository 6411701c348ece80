"""The products and what becomes of them: a function of scenario and seed, the same for every lane.

Each process advances its own copy window by window. A product's events are published by lane `index % lanes`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopsim.calendar.traffic import DAY_MS, FAR_MS, MINUTE_MS, QUIET_MS, Span
from shopsim.core.records import ABSENT, Pending
from shopsim.core.rng import Draws, Ints, Purpose, cumulated, exponential
from shopsim.scenario.sections import Scenario
from shopsim.shop.popularity import STOCKED_MS, Ranks, Shelf, shelves
from shopsim.shop.prices import FEWEST_CENTS, Prices, Running, regular_changes, timeline

FIRST_LAUNCHES_MS = 10 * MINUTE_MS
"""The first products are launched in so much of the start."""

_SHORTEST_LIFE_MS = 7 * DAY_MS
_NAME_WORDS = 2**20


@dataclass(frozen=True, slots=True)
class Assortment:
    """All products known in one window; index = product. Arrays have shape [products].

    Attributes:
        category: position in the scenario's categories.
        naming: shape [3, products], numbers that choose the words of the name.
        model: number of the model that the product is a variant of, or `ABSENT`.
        variant: place among the products of its model.
        quality: mean rating in hundredths.
        popularity: relative demand, whole numbers; 0 for what is no longer on sale.
        launched_ms, discontinued_ms: from (included) and to (excluded).
        prices: what each costs when.
        shelves: what visitors meet.
    """

    category: Ints
    naming: Ints
    model: Ints
    variant: Ints
    quality: Ints
    popularity: Ints
    launched_ms: Ints
    discontinued_ms: Ints
    prices: Prices
    shelves: list[Shelf]

    def __len__(self) -> int:
        return len(self.category)


class Catalogue:
    """The timeline of all products. Mutable; `advance` must be called for window 0, 1, 2 and so on."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._settings, self._seed = scenario.catalogue, seed
        categories = scenario.catalogue.categories
        self._categories = cumulated(c.weight for c in categories)
        self._lows = np.array([c.price_cents[0] for c in categories], dtype=np.int64)
        self._highs = np.array([c.price_cents[1] for c in categories], dtype=np.int64)
        self._colours = np.array([c.colours for c in categories], dtype=np.int64)
        self._sizes = np.array([len(c.sizes) or 1 for c in categories], dtype=np.int64)
        self._varied = np.array([c.colours > 1 or bool(c.sizes) for c in categories])
        lifetime = scenario.catalogue.lifetime_days * DAY_MS
        self._lifetimes = exponential(lifetime, _SHORTEST_LIFE_MS, int(20 * lifetime) + _SHORTEST_LIFE_MS)
        self._ranks = Ranks(scenario.catalogue)
        self._sales = list(scenario.flash_sales)
        self._running: list[Running] = []
        self._models = 0
        self._static = np.empty((10, 0), dtype=np.int64)
        self._price = np.empty(0, dtype=np.int64)

    def advance(self, span: Span) -> tuple[Assortment, Pending]:
        """The assortment of a window, and the catalogue's events that fall in it."""
        draws = Draws(self._seed, -1, span.index, Purpose.CATALOGUE)
        fresh = self._static.shape[1]
        self._launch(span, draws)
        category, base, quality, launched, ends, model, variant = self._static[:7]
        price = np.concatenate([self._price, base[fresh:]])
        self._begin_sales(span, draws, launched, ends)
        may = launched < span.start_ms + QUIET_MS
        per_year = self._settings.price_changes_per_year
        changed, self._price = regular_changes(span, draws, base, price, per_year, may, ends, self._running)
        for running in self._running:
            at = running.sale.start_ms
            if at >= span.start_ms:
                running.settle(np.where(changed < at, self._price, price)[running.product])
        on_sale = np.flatnonzero((launched < span.end_ms) & (ends > span.start_ms))
        popularity = self._ranks.wander(draws, span.days, on_sale)
        products = Assortment(
            category,
            self._static[7:],
            model,
            variant,
            quality,
            popularity,
            launched,
            ends,
            timeline(span, price, changed, self._price, self._running),
            shelves(span, launched, ends, popularity, self._running),
        )
        self._running = [running for running in self._running if running.sale.end_ms >= span.end_ms]
        return products, _events(span, products, fresh)

    def _launch(self, span: Span, draws: Draws) -> None:
        later = np.sort(span.settled(draws, draws.poisson(self._settings.launches_per_day * span.days)))
        at = later
        if span.index == 0:
            step = FIRST_LAUNCHES_MS // self._settings.products
            at = np.concatenate([span.start_ms + np.arange(self._settings.products) * step, later])
        if len(at):
            self._static = np.concatenate([self._static, self._new_products(at & ~1, draws)], axis=1)

    def _new_products(self, at: Ints, draws: Draws) -> Ints:
        """Products for as many places as there are times; those of one model are launched at the first of theirs."""
        n, known = len(at), self._static.shape[1]
        # As many models as products, so that they surely suffice.
        category = draws.pick(self._categories, n)
        variants = (1 + draws.below(self._colours[category], n)) * self._sizes[category]
        ends = np.cumsum(variants)
        of = np.searchsorted(ends, np.arange(n), side="right")  # model of each product
        variant = np.arange(n) - (ends - variants)[of]
        base = self._lows[category] + draws.below(self._highs[category] - self._lows[category] + 1, n)
        base = np.maximum(base // 50 * 50 - 1, FEWEST_CENTS)  # 4.99 rather than 5.13
        spread = draws.between(-90, 60, n) + draws.between(-60, 60, n)
        quality = np.clip(round(self._settings.quality * 100) + spread, 100, 500)
        naming = [draws.below(_NAME_WORDS, n)[of] for _ in range(3)]
        launched = at[np.arange(n) - variant]
        gone = self._discontinued(launched, draws)
        self._ranks.enter(self._first_ranks(known, draws, n))
        model = np.where(self._varied[category[of]], self._models + of, ABSENT)
        self._models += int(of[-1]) + 1
        return np.stack([category[of], base[of], quality[of], launched, gone, model, variant, *naming])

    def _discontinued(self, launched: Ints, draws: Draws) -> Ints:
        n, index = len(launched), self._static.shape[1] + np.arange(len(launched))
        ends = (launched + draws.sample(self._lifetimes, n)) & ~1
        staple = (index < self._settings.products) & draws.chance(self._settings.staple_share, n)
        return np.where(staple | (index == 0), FAR_MS, ends)

    def _first_ranks(self, known: int, draws: Draws, n: int) -> Ints:
        first = self._settings.products
        ranks = draws.below(first, n)
        if known == 0:  # each rank once, in an order of its own
            ranks[:first] = np.argsort(draws.words(first), kind="stable")
        return ranks

    def _begin_sales(self, span: Span, draws: Draws, launched: Ints, ends: Ints) -> None:
        """Choose the products of the flash sales that begin before this window's last sessions are over."""
        for sale in [sale for sale in self._sales if sale.start_ms < span.end_ms + QUIET_MS]:
            self._sales.remove(sale)
            free = (launched + STOCKED_MS < sale.start_ms) & (ends > sale.end_ms + QUIET_MS)
            for running in self._running:
                free[running.product] = False
            products = np.flatnonzero(free)
            chosen = products[np.argsort(draws.words(len(products)), kind="stable")[: sale.products]]
            nothing = np.zeros(len(chosen), dtype=np.int64)
            self._running.append(Running(sale, np.sort(chosen), nothing, nothing))


def _events(span: Span, products: Assortment, fresh: int) -> Pending:
    events = Pending()
    new, prices = np.arange(fresh, len(products)), products.prices
    launched, ends = products.launched_ms, products.discontinued_ms
    first_price = prices.before[new]
    events.add("product_launched", launched[new], product_id=new, model_id=products.model[new], price_cents=first_price)
    now = prices.at_ms < span.end_ms
    events.add(
        "product_price_changed", prices.at_ms[now], product_id=prices.product[now], price_cents=prices.price[now]
    )
    gone = np.flatnonzero((ends >= span.start_ms) & (ends < span.end_ms))
    events.add("product_discontinued", ends[gone], product_id=gone)
    return events
