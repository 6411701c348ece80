"""Prices over time: regular prices with occasional changes, and flash sales."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopsim.calendar.traffic import NEVER_MS, QUIET_MS, Period
from shopsim.core.rng import Bools, Ints, RandomStream
from shopsim.scenario.dated_sections import FlashSale

MIN_PRICE_CENTS = 49
_CHANGE_PERCENTS = np.array(
    (-20, -15, -10, -5, 5, 8, 12)
)  # difference of a changed price from the base price, in percent
MAX_PRICE_PERCENT = 100 + int(_CHANGE_PERCENTS.max())
"""Highest price of a product, in percent of its base price."""

_TIME_BITS = 36  # more than two years in milliseconds, longer than any period
_MIN_GAP_MS = 2


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of all products from the start of a period until `QUIET_MS` after its end, in cents.

    Attributes:
        start_ms: of the window.
        before: at its start, int64 [products].
        product, at_ms, price: the changes, sorted by product and time, int64 [changes].
        changes: whether a product has any, bool [products].
    """

    start_ms: int
    before: Ints
    product: Ints
    at_ms: Ints
    price: Ints
    changes: Bools

    def at(self, product: Ints, at_ms: Ints) -> Ints:
        """Prices of products at times, shape [rows]."""
        found = self.before[product]
        some = np.flatnonzero(self.changes[product])
        if len(some):
            keys = (self.product << _TIME_BITS) + (self.at_ms - self.start_ms)
            wanted = (product[some] << _TIME_BITS) + (at_ms[some] - self.start_ms)
            last = np.searchsorted(keys, wanted, side="right") - 1
            known = (last >= 0) & (self.product[last] == product[some])
            found[some[known]] = self.price[last[known]]
        return found


@dataclass(slots=True)
class RunningSale:
    """A flash sale with its products. Mutable until it begins, because regular prices can still change.

    Attributes:
        sale: what the scenario says.
        product: which, int64 [products of the sale].
        regular: their price without the sale.
        reduced: their price in it.
    """

    sale: FlashSale
    product: Ints
    regular: Ints
    reduced: Ints

    def settle(self, regular: Ints) -> None:
        """Fix the prices at the start of the sale; products that would not get cheaper leave the sale."""
        cut = np.maximum(regular * (100 - self.sale.percent) // 100, MIN_PRICE_CENTS)
        cheaper = cut < regular
        self.product, self.regular, self.reduced = self.product[cheaper], regular[cheaper], cut[cheaper]


def regular_changes(
    period: Period,
    rng: RandomStream,
    base: Ints,
    price: Ints,
    per_year: float,
    may: Bools,
    ends_ms: Ints,
    sales: list[RunningSale],
) -> tuple[Ints, Ints]:
    """Time of each product's regular price change in a period (`NEVER_MS` without a change), and the new price.

    Args:
        period: the window.
        rng: random numbers.
        base: price of each product at its launch.
        price: current price.
        per_year: changes per year, at most one in a period.
        may: products that can change: on sale before the first change of the period.
        ends_ms: when products are discontinued.
        sales: flash sales; the regular prices of their products do not change during the sale.
    """
    n = len(base)
    at = period.uniform_times(rng, n) & ~1
    wanted = np.maximum(base * (100 + _CHANGE_PERCENTS[rng.below(len(_CHANGE_PERCENTS), n)]) // 100, MIN_PRICE_CENTS)
    changes = rng.chance(min(1.0, per_year * period.days / 365), n) & (wanted != price) & may & (at < ends_ms)
    for running in sales:
        during = (at >= running.sale.start_ms - _MIN_GAP_MS) & (at <= running.sale.end_ms + _MIN_GAP_MS)
        changes[running.product] &= ~during[running.product]
    return np.where(changes, at, NEVER_MS), np.where(changes, wanted, price)


def price_timeline(period: Period, price: Ints, changed_ms: Ints, after: Ints, sales: list[RunningSale]) -> Prices:
    """Combine regular prices and flash sales.

    Args:
        period: the window.
        price: regular price of each product at the window's start.
        changed_ms: when it changes, from `regular_changes`.
        after: price after the change.
        sales: all that touch the window or the quiet hours after it.
    """
    before = price.copy()
    changed = np.flatnonzero(changed_ms < NEVER_MS)
    parts = [(changed, changed_ms[changed], after[changed])]
    for running in sales:
        product, start, end = running.product, running.sale.start_ms, running.sale.end_ms
        if start < period.start_ms:
            before[product] = running.reduced
        else:
            parts.append((product, np.full(len(product), start), running.reduced))
        if end < period.end_ms + QUIET_MS:
            parts.append((product, np.full(len(product), end), running.regular))
    product, at, new = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((at, product))
    changes = np.zeros(len(price), dtype=bool)
    changes[product] = True
    return Prices(period.start_ms, before, product[order], at[order], new[order], changes)
