"""The life cycle of products. It depends only on scenario and seed, and is the same for every lane.

Each process advances its own copy period by period. Lane `index % lanes` publishes the events of a product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopsim.calendar.traffic import DAY_MS, MINUTE_MS, NEVER_MS, QUIET_MS, Period
from shopsim.core.records import ABSENT, Pending
from shopsim.core.rng import Ints, Purpose, RandomStream, exponential, weighted_choice
from shopsim.scenario.sections import Scenario
from shopsim.shop.popularity import STOCKED_MS, Offer, PopularityRanks, offers
from shopsim.shop.prices import MIN_PRICE_CENTS, Prices, RunningSale, price_timeline, regular_changes

FIRST_LAUNCHES_MS = 10 * MINUTE_MS
"""The first products are launched within this time after the start."""

_SHORTEST_LIFE_MS = 7 * DAY_MS
_NAME_WORDS = 2**20


@dataclass(frozen=True, slots=True)
class Assortment:
    """All products known in one period; the index is the product's number. Arrays have shape [products].

    Attributes:
        category: position in the scenario's categories.
        naming: shape [3, products], numbers that select the words of the name.
        model: number of the product's model, or `ABSENT` if it is not a variant.
        variant: position among the products of its model.
        quality: mean rating in hundredths.
        popularity: relative demand, whole numbers; 0 for products not on sale.
        launched_ms, discontinued_ms: from (included) and to (excluded).
        prices: prices over time.
        offers: products that visitors can view.
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
    offers: list[Offer]

    def __len__(self) -> int:
        return len(self.category)


class Catalogue:
    """The state of all products. Mutable; `advance` must be called for period 0, 1, 2 and so on."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._settings, self._seed = scenario.catalogue, seed
        categories = scenario.catalogue.categories
        self._categories = weighted_choice(c.weight for c in categories)
        self._lows = np.array([c.price_cents[0] for c in categories], dtype=np.int64)
        self._highs = np.array([c.price_cents[1] for c in categories], dtype=np.int64)
        self._colours = np.array([c.colours for c in categories], dtype=np.int64)
        self._sizes = np.array([len(c.sizes) or 1 for c in categories], dtype=np.int64)
        self._varied = np.array([c.colours > 1 or bool(c.sizes) for c in categories])
        lifetime = scenario.catalogue.lifetime_days * DAY_MS
        self._lifetimes = exponential(lifetime, _SHORTEST_LIFE_MS, int(20 * lifetime) + _SHORTEST_LIFE_MS)
        self._ranks = PopularityRanks(scenario.catalogue)
        self._sales = list(scenario.flash_sales)
        self._running: list[RunningSale] = []
        self._models = 0
        self._static = np.empty((10, 0), dtype=np.int64)
        self._price = np.empty(0, dtype=np.int64)

    def advance(self, period: Period) -> tuple[Assortment, Pending]:
        """The assortment of a period, and the catalogue's events in it."""
        rng = RandomStream(self._seed, -1, period.index, Purpose.CATALOGUE)
        fresh = self._static.shape[1]
        self._launch(period, rng)
        category, base, quality, launched, ends, model, variant = self._static[:7]
        price = np.concatenate([self._price, base[fresh:]])
        self._begin_sales(period, rng, launched, ends)
        may = launched < period.start_ms + QUIET_MS
        per_year = self._settings.price_changes_per_year
        changed, self._price = regular_changes(period, rng, base, price, per_year, may, ends, self._running)
        for running in self._running:
            at = running.sale.start_ms
            if at >= period.start_ms:
                running.settle(np.where(changed < at, self._price, price)[running.product])
        on_sale = np.flatnonzero((launched < period.end_ms) & (ends > period.start_ms))
        popularity = self._ranks.drift_ranks(rng, period.days, on_sale)
        products = Assortment(
            category,
            self._static[7:],
            model,
            variant,
            quality,
            popularity,
            launched,
            ends,
            price_timeline(period, price, changed, self._price, self._running),
            offers(period, launched, ends, popularity, self._running),
        )
        self._running = [running for running in self._running if running.sale.end_ms >= period.end_ms]
        return products, _events(period, products, fresh)

    def _launch(self, period: Period, rng: RandomStream) -> None:
        later = np.sort(period.uniform_times(rng, rng.poisson(self._settings.launches_per_day * period.days)))
        at = later
        if period.index == 0:
            step = FIRST_LAUNCHES_MS // self._settings.products
            at = np.concatenate([period.start_ms + np.arange(self._settings.products) * step, later])
        if len(at):
            self._static = np.concatenate([self._static, self._new_products(at & ~1, rng)], axis=1)

    def _new_products(self, at: Ints, rng: RandomStream) -> Ints:
        """One new product per time in `at`. All products of a model are launched at the first time of the model."""
        n, known = len(at), self._static.shape[1]
        # As many models as products, which is always enough.
        category = rng.pick(self._categories, n)
        variants = (1 + rng.below(self._colours[category], n)) * self._sizes[category]
        ends = np.cumsum(variants)
        of = np.searchsorted(ends, np.arange(n), side="right")  # model of each product
        variant = np.arange(n) - (ends - variants)[of]
        base = self._lows[category] + rng.below(self._highs[category] - self._lows[category] + 1, n)
        base = np.maximum(base // 50 * 50 - 1, MIN_PRICE_CENTS)  # 4.99 rather than 5.13
        spread = rng.between(-90, 60, n) + rng.between(-60, 60, n)
        quality = np.clip(round(self._settings.quality * 100) + spread, 100, 500)
        naming = [rng.below(_NAME_WORDS, n)[of] for _ in range(3)]
        launched = at[np.arange(n) - variant]
        gone = self._discontinued(launched, rng)
        self._ranks.add_products(self._first_ranks(known, rng, n))
        model = np.where(self._varied[category[of]], self._models + of, ABSENT)
        self._models += int(of[-1]) + 1
        return np.stack([category[of], base[of], quality[of], launched, gone, model, variant, *naming])

    def _discontinued(self, launched: Ints, rng: RandomStream) -> Ints:
        n, index = len(launched), self._static.shape[1] + np.arange(len(launched))
        ends = (launched + rng.sample(self._lifetimes, n)) & ~1
        staple = (index < self._settings.products) & rng.chance(self._settings.staple_share, n)
        return np.where(staple | (index == 0), NEVER_MS, ends)

    def _first_ranks(self, known: int, rng: RandomStream, n: int) -> Ints:
        first = self._settings.products
        ranks = rng.below(first, n)
        if known == 0:  # each rank once, in random order
            ranks[:first] = np.argsort(rng.words(first), kind="stable")
        return ranks

    def _begin_sales(self, period: Period, rng: RandomStream, launched: Ints, ends: Ints) -> None:
        """Choose the products of flash sales that begin before the last sessions of this period end."""
        for sale in [sale for sale in self._sales if sale.start_ms < period.end_ms + QUIET_MS]:
            self._sales.remove(sale)
            free = (launched + STOCKED_MS < sale.start_ms) & (ends > sale.end_ms + QUIET_MS)
            for running in self._running:
                free[running.product] = False
            products = np.flatnonzero(free)
            chosen = products[np.argsort(rng.words(len(products)), kind="stable")[: sale.products]]
            nothing = np.zeros(len(chosen), dtype=np.int64)
            self._running.append(RunningSale(sale, np.sort(chosen), nothing, nothing))


def _events(period: Period, products: Assortment, fresh: int) -> Pending:
    events = Pending()
    new, prices = np.arange(fresh, len(products)), products.prices
    launched, ends = products.launched_ms, products.discontinued_ms
    first_price = prices.before[new]
    events.add("product_launched", launched[new], product_id=new, model_id=products.model[new], price_cents=first_price)
    now = prices.at_ms < period.end_ms
    events.add(
        "product_price_changed", prices.at_ms[now], product_id=prices.product[now], price_cents=prices.price[now]
    )
    gone = np.flatnonzero((ends >= period.start_ms) & (ends < period.end_ms))
    events.add("product_discontinued", ends[gone], product_id=gone)
    return events
