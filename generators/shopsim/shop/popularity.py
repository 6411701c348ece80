"""Demand per product: a Zipf distribution over ranks that drift, and the products that a visitor can choose."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from shopsim.calendar.traffic import QUIET_MS, Period
from shopsim.core.rng import Ints, RandomStream, WeightedChoice
from shopsim.scenario.sections import Catalogue
from shopsim.shop.prices import RunningSale

STOCKED_MS = 30 * 60_000
"""Each lane has its first units of a product at most this time after the launch."""

_UNIT = 2**20  # fixed-point unit of the logarithm of a rank
_SUM_OF_FOUR = 2**33  # mean of the sum of four words
_SPREAD_OF_FOUR = 2**32 / math.sqrt(3)  # its standard deviation


class PopularityRanks:
    """The products' ranks by popularity. Mutable: it grows with the products and changes in each period."""

    def __init__(self, settings: Catalogue) -> None:
        self._settings = settings
        self._place = np.empty(0, dtype=np.int64)  # logarithm of each product's rank, in `_UNIT`
        self._logarithms = np.empty(0, dtype=np.int64)
        self._demand = np.empty(0, dtype=np.int64)

    def add_products(self, rank: Ints) -> None:
        """Add new products at the given ranks, from 0."""
        self._extend_tables(int(rank.max(initial=0)) + 1)
        self._place = np.concatenate([self._place, self._logarithms[rank]])

    def drift_ranks(self, rng: RandomStream, days: float, on_sale: Ints) -> Ints:
        """Change ranks at random and return the demand per product: whole numbers, 0 for products not on sale.

        Args:
            rng: random numbers.
            days: days since the last call.
            on_sale: products that have a rank.
        """
        self._extend_tables(len(on_sale))
        words = rng.words(4 * len(on_sale)).reshape(4, -1).sum(axis=0) - _SUM_OF_FOUR
        step = round(self._settings.drift * math.sqrt(days) / _SPREAD_OF_FOUR * _UNIT * 2**20)
        order = on_sale[np.argsort(self._place[on_sale] + (words * step >> 20), kind="stable")]
        self._place[order] = self._logarithms[: len(order)]
        demand = np.zeros(len(self._place), dtype=np.int64)
        demand[order] = self._demand[: len(order)]
        return demand

    def _extend_tables(self, ranks: int) -> None:
        known = len(self._demand)
        if ranks > known:
            more = range(known + 1, max(ranks, 2 * known) + 1)
            self._logarithms = np.append(self._logarithms, [round(math.log(rank) * _UNIT) for rank in more])
            demand = [max(1, round(2**24 / rank**self._settings.zipf)) for rank in more]
            self._demand = np.append(self._demand, demand)


@dataclass(frozen=True, slots=True)
class Offer:
    """The products that a visitor can choose from in a part of a period, with their demand.

    Attributes:
        from_ms: start of the part, which ends at the start of the next offer.
        candidates: products on sale in some of the period, int64 [candidates].
        demand: their popularity.
        core, core_demand: the same for products on sale during the whole period; never empty.
    """

    from_ms: int
    candidates: Ints
    demand: WeightedChoice
    core: Ints
    core_demand: WeightedChoice


def offers(period: Period, launched_ms: Ints, ends_ms: Ints, popularity: Ints, sales: list[RunningSale]) -> list[Offer]:
    """The offers of a period, the same for every lane. A new offer starts when a flash sale begins or ends.

    Args:
        period: the window.
        launched_ms: of each product.
        ends_ms: when each is discontinued.
        popularity: of each.
        sales: those that touch the window.
    """
    candidates = np.flatnonzero(ends_ms > period.start_ms + QUIET_MS)
    stocked = launched_ms + STOCKED_MS < period.opens_ms
    core = np.flatnonzero(stocked & (ends_ms > period.end_ms + QUIET_MS))
    bounds = {bound for running in sales for bound in (running.sale.start_ms, running.sale.end_ms)}
    found = []
    for start in sorted({period.start_ms} | {bound for bound in bounds if period.start_ms < bound < period.end_ms}):
        wanted = popularity.copy()
        for running in sales:
            if running.sale.start_ms <= start < running.sale.end_ms:
                wanted[running.product] = wanted[running.product] * round(running.sale.demand * 100) // 100
        found.append(Offer(start, candidates, _choice(wanted[candidates]), core, _choice(wanted[core])))
    return found


def _choice(popularity: Ints) -> WeightedChoice:
    shift = max(0, int(popularity.sum()).bit_length() - 30)
    return WeightedChoice(np.cumsum(np.maximum(popularity >> shift, 1)))
