"""How many events of each type: the report's table and the numbers at its top."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import shopsim
from shoplake.contract import TOPICS, type_name


@dataclass(frozen=True, slots=True)
class Row:
    """Events of a type: how many, and where they go."""

    topic: str
    type: str
    events: int


class Counts:
    """Counts events per type, and money."""

    def __init__(self, scenario: shopsim.Scenario) -> None:
        self._start_ms = self._end_ms = scenario.start_ms
        self._currency = scenario.currency
        self._events: Counter[str] = Counter()
        self._ordered_cents = 0

    def add(self, window: shopsim.Window) -> None:
        """Count a window."""
        self._events.update({name: frame.height for name, frame in window.frames.items()})
        orders = window["order_placed"]
        self._ordered_cents += int(orders.filter(orders["currency"] == self._currency)["total_cents"].sum())
        self._end_ms = window.end_ms

    @property
    def total(self) -> int:
        """Events so far."""
        return self._events.total()

    @property
    def days(self) -> float:
        """Simulated time so far."""
        return (self._end_ms - self._start_ms) / 86_400_000

    def rows(self) -> list[Row]:
        """All event types of the contract, topic by topic."""
        return [
            Row(topic.name, name, self._events[name])
            for topic in TOPICS.values()
            for name in (type_name(event) for event in topic.events)
        ]

    def figures(self) -> list[tuple[str, str]]:
        """What the shop did, in a few numbers and what they are."""
        n = self._events
        return [
            (f"{self.total:,}", "events"),
            (f"{self.days:,.0f}", "days"),
            (f"{n['customer_registered']:,}", "customers"),
            (f"{n['product_launched']:,}", "products"),
            (f"{n['session_started']:,}", "sessions"),
            (f"{n['order_placed']:,}", "orders"),
            (f"{self._ordered_cents / 100:,.0f}", f"ordered in {self._currency}"),
            (f"{n['order_returned']:,}", "parcels came back"),
        ]
