"""What is in an order: how many products, and for how much."""

from __future__ import annotations

import math

import numpy as np

import shopsim
from shoplake.report.charts import Spec, category, chart, number, said
from shoplake.report.panel import Panel, percent

MOST = 8
PER_DECADE = 60
SHOWN_PER_DECADE = 12
DECADES = 9  # up to a thousand million minor units


class Baskets:
    """Counts orders by number of products, and by value in steps of 4 %."""

    def __init__(self, scenario: shopsim.Scenario) -> None:
        self._currency = scenario.currency
        self._products = np.zeros(MOST + 1, dtype=np.int64)
        self._values = np.zeros(DECADES * PER_DECADE, dtype=np.int64)

    def add(self, window: shopsim.Window) -> None:
        """Count a window."""
        orders = window["order_placed"]
        products = np.minimum(orders["lines"].list.len().to_numpy(), MOST)
        self._products += np.bincount(products, minlength=MOST + 1)
        total = orders.filter(orders["currency"] == self._currency)["total_cents"].to_numpy()
        step = (np.log10(np.maximum(total, 1)) * PER_DECADE).astype(np.int64)
        self._values += np.bincount(np.minimum(step, len(self._values) - 1), minlength=len(self._values))

    def panel(self) -> Panel:
        """Two histograms."""
        orders = int(self._products.sum())
        if not orders:
            return Panel("Nobody ordered", "")
        rows = [
            {"products": f"{n}" if n < MOST else f"{n} or more", "orders": int(self._products[n])}
            for n in range(1, MOST + 1)
        ]
        products = {
            "mark": "bar",
            "encoding": {
                "x": category("products", "different products in an order", [f"{row['products']}" for row in rows]),
                "y": number("orders", "orders"),
                **said("datum.products + ': ' + datum.orders + ' orders'"),
            },
        }
        title = f"{percent(self._products[1], orders)} of the orders are for one product; half cost less than"
        return Panel(
            f"{title} about {self._median():,.0f} {self._currency}",
            f"Value with tax and shipping, of orders in {self._currency}; each bar is a fifth wider than the last.",
            (chart(rows, products, height=150), self._by_value()),
        )

    def _median(self) -> float:
        middle = int(np.searchsorted(np.cumsum(self._values), self._values.sum() / 2))
        return float(10 ** ((middle + 0.5) / PER_DECADE)) / 100

    def _by_value(self) -> Spec:
        width = PER_DECADE // SHOWN_PER_DECADE
        bars = self._values.reshape(-1, width).sum(axis=1)
        used = np.flatnonzero(bars)
        rows = [
            {
                "from": 10 ** (bar / SHOWN_PER_DECADE) / 100,
                "to": 10 ** ((bar + 1) / SHOWN_PER_DECADE) / 100,
                "orders": int(bars[bar]),
            }
            for bar in range(int(used.min()), int(used.max()) + 1)
        ]
        low, high = math.floor(math.log10(rows[0]["from"])), math.ceil(math.log10(rows[-1]["to"]))
        ticks = [factor * 10.0**decade for decade in range(low, high + 1) for factor in (1, 2, 5)]
        x = number(
            "from",
            f"value of an order ({self._currency}, logarithmic)",
            scale={"type": "log", "domain": [rows[0]["from"], rows[-1]["to"]], "nice": False},
            axis={"values": ticks, "format": "~s" if high > 4 else "~g"},
            bin="binned",
        )
        words = "format(datum.from, ',.0f') + ' to ' + format(datum.to, ',.0f') + ': ' + datum.orders + ' orders'"
        encoding = {"x": x, "x2": {"field": "to"}, "y": number("orders", "orders"), **said(words)}
        return chart(rows, {"mark": {"type": "bar", "binSpacing": 1}, "encoding": encoding}, height=150)
