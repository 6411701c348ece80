"""The stock of one lane. Each lane has its own stock, so lanes do not have to coordinate to avoid overselling.

The ledger counts units that are free to reserve, conservatively: a reservation is subtracted at once; incoming units
(deliveries, released reservations, returns) are added only after their period has ended. So the warehouse always has at
least as many units as the ledger, and neither `on_hand` nor `on_hand - reserved` can fall below zero.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shopsim.calendar.traffic import DAY_MS, HOUR_MS, MINUTE_MS, QUIET_MS, Period
from shopsim.core.records import Pending, field
from shopsim.core.rng import Bools, Ints, Purpose, RandomStream, group_sums, lognormal
from shopsim.scenario.sections import Scenario
from shopsim.shop.catalogue import Assortment
from shopsim.shop.popularity import STOCKED_MS

_INCOMING = ("stock_received", "stock_released", "stock_returned")


class Stock:
    """Ledger of one lane. Mutable.

    Attributes:
        free: units per product that can be reserved, int64 [products].
        sellable_ms: time after which a product can be sold in this lane, int64 [products].
    """

    def __init__(self, scenario: Scenario, seed: int, lane: int) -> None:
        self._settings, self._seed, self._lane = scenario.stock, seed, lane
        median = scenario.stock.lead_days * DAY_MS
        self._lead = lognormal(median, 0.3, HOUR_MS, int(median * 4) + HOUR_MS)
        self._on_order = np.empty(0, dtype=np.int64)  # units on their way from the supplier
        self.free = np.empty(0, dtype=np.int64)
        self.sellable_ms = np.empty(0, dtype=np.int64)

    def advance(self, period: Period, products: Assortment, units_per_day: float, pending: Pending) -> None:
        """Order the first units of new products, and reorder products with low stock.

        Args:
            period: the window.
            products: all products of the window.
            units_per_day: expected demand of the lane for all products together.
            pending: receives the deliveries.
        """
        rng = RandomStream(self._seed, self._lane, period.index, Purpose.STOCK)
        known, total = len(self.free), len(products)
        share = products.popularity / products.popularity[products.discontinued_ms > period.start_ms].sum()
        cover = np.ceil(share * (units_per_day * self._settings.cover_days)).astype(np.int64)
        target = np.clip(cover, self._settings.minimum, 1_000_000)
        self._reorder(period, rng, products, target[:known], pending)
        new = np.arange(known, total)
        at = products.launched_ms[new] + MINUTE_MS + rng.below(STOCKED_MS - 2 * MINUTE_MS, len(new))
        pending.add("stock_received", at, product_id=new, quantity=target[new])
        # These can be counted now, because a product is sold only after its first delivery.
        self.free = np.concatenate([self.free, target[new]])
        self._on_order = np.concatenate([self._on_order, np.zeros(len(new), dtype=np.int64)])
        self.sellable_ms = np.concatenate([self.sellable_ms, at | 1])

    def _reorder(self, period: Period, rng: RandomStream, products: Assortment, target: Ints, pending: Pending) -> None:
        coming = self.free + self._on_order
        low = coming < np.ceil(target * self._settings.reorder_share).astype(np.int64)
        wanted = np.flatnonzero(low & (products.discontinued_ms[: len(target)] > period.end_ms))
        at = period.uniform_times(rng, len(wanted)) + rng.sample(self._lead, len(wanted))
        quantity = target[wanted] - coming[wanted]
        self._on_order[wanted] += quantity
        pending.add("stock_received", at, product_id=wanted, quantity=quantity)

    def reserve(self, product: Ints, quantity: Ints, at_ms: Ints) -> Bools:
        """Reserve stock for lines, first come first served, and return which lines succeeded. Shape [lines]."""
        order = np.lexsort((at_ms, product))
        product, quantity = product[order], quantity[order]
        running = np.cumsum(quantity)
        starts = np.flatnonzero(np.diff(product, prepend=-1))
        before = np.repeat(running[starts] - quantity[starts], np.diff(starts, append=len(product)))
        fits = running - before <= self.free[product]
        self.free -= group_sums(product[fits], len(self.free), quantity[fits])
        result = np.empty(len(order), dtype=bool)
        result[order] = fits
        return result

    def settle(self, happened: Mapping[str, Ints]) -> None:
        """Add the incoming units of a period that has ended, except first deliveries, which are already counted."""
        for event_type in _INCOMING:
            if event_type not in happened:
                continue
            records = happened[event_type]
            product = field(records, event_type, "product_id")
            later = np.ones(len(product), dtype=bool)
            if event_type == "stock_received":
                later = field(records, event_type, "occurred_at_ms") != self.sellable_ms[product]
            quantity = field(records, event_type, "quantity")
            came = group_sums(product[later], len(self.free), quantity[later])
            self.free += came
            if event_type == "stock_received":
                self._on_order -= came


def is_sellable(stock: Stock, products: Assortment, product: Ints, session_ms: Ints) -> Bools:
    """Whether products stay on sale in this lane for the longest possible session from that time on."""
    here = stock.sellable_ms[product] < session_ms
    there: Bools = products.discontinued_ms[product] > session_ms + QUIET_MS
    return here & there
