"""Events as integers, before they are rendered as text: one int64 array per event type, one row per field.

The fields are those of the contract, as numbers: an id is the number of its entity, a choice is its position in the
contract's `Literal`, a product is its index in the catalogue. `render` turns records into the contract's columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, get_args, get_type_hints

import numpy as np

from shoplake.contract import EVENTS
from shopsim.core.rng import Ints, WeightedChoice, weighted_choice

Records = Mapping[str, Ints]
"""Record type -> int64 array of shape [fields of LAYOUT, events]."""

ABSENT = -1
"""The value for null in a nullable field."""

LINES = "order_line"
"""A record type that is not an event: one record per line of `order_placed`, at the time of the order."""

LAYOUT: dict[str, tuple[str, ...]] = {
    "customer_registered": (
        "occurred_at_ms",
        "customer_id",
        "first_name",
        "last_name",
        "segment",
        "street",
        "number",
        "place",
        "currency",
        "marketing_opt_in",
    ),
    "customer_address_changed": ("occurred_at_ms", "customer_id", "street", "number", "place"),
    "customer_preferences_changed": ("occurred_at_ms", "customer_id", "marketing_opt_in"),
    "customer_segment_changed": ("occurred_at_ms", "customer_id", "segment"),
    "customer_deactivated": ("occurred_at_ms", "customer_id", "reason"),
    "customer_reactivated": ("occurred_at_ms", "customer_id"),
    "product_launched": ("occurred_at_ms", "product_id", "model_id", "price_cents"),
    "product_price_changed": ("occurred_at_ms", "product_id", "price_cents"),
    "product_discontinued": ("occurred_at_ms", "product_id"),
    "order_placed": (
        "occurred_at_ms",
        "order_id",
        "customer_id",
        "session_id",
        "subtotal_cents",
        "discount_cents",
        "shipping_cents",
        "tax_cents",
        "total_cents",
        "currency",
    ),
    LINES: ("occurred_at_ms", "order_id", "product_id", "quantity", "unit_price_cents"),
    "order_cancelled": ("occurred_at_ms", "order_id", "customer_id", "reason"),
    "payment_authorised": (
        "occurred_at_ms",
        "order_id",
        "customer_id",
        "payment_id",
        "amount_cents",
        "method",
        "currency",
    ),
    "payment_declined": (
        "occurred_at_ms",
        "order_id",
        "customer_id",
        "payment_id",
        "amount_cents",
        "method",
        "reason",
        "currency",
    ),
    "payment_captured": ("occurred_at_ms", "order_id", "customer_id", "payment_id", "amount_cents", "currency"),
    "payment_refunded": ("occurred_at_ms", "order_id", "customer_id", "payment_id", "amount_cents", "currency"),
    "payment_charged_back": (
        "occurred_at_ms",
        "order_id",
        "customer_id",
        "payment_id",
        "amount_cents",
        "reason",
        "currency",
    ),
    "order_shipped": ("occurred_at_ms", "order_id", "customer_id", "shipment_id", "carrier"),
    "order_delivered": ("occurred_at_ms", "order_id", "customer_id", "shipment_id"),
    "order_returned": ("occurred_at_ms", "order_id", "customer_id", "shipment_id", "reason"),
    "stock_received": ("occurred_at_ms", "product_id", "quantity"),
    "stock_reserved": ("occurred_at_ms", "product_id", "order_id", "quantity"),
    "stock_released": ("occurred_at_ms", "product_id", "order_id", "quantity"),
    "stock_shipped": ("occurred_at_ms", "product_id", "order_id", "quantity"),
    "stock_returned": ("occurred_at_ms", "product_id", "order_id", "quantity"),
    "session_started": ("occurred_at_ms", "session_id", "customer_id", "device", "referrer", "campaign"),
    "page_viewed": ("occurred_at_ms", "session_id", "page"),
    "search_performed": ("occurred_at_ms", "session_id", "query", "results"),
    "product_viewed": ("occurred_at_ms", "session_id", "product_id"),
    "cart_item_added": ("occurred_at_ms", "session_id", "product_id", "quantity", "unit_price_cents", "currency"),
    "cart_item_removed": ("occurred_at_ms", "session_id", "product_id"),
    "checkout_started": ("occurred_at_ms", "session_id"),
    "checkout_completed": ("occurred_at_ms", "session_id", "order_id"),
    "review_submitted": (
        "occurred_at_ms",
        "review_id",
        "product_id",
        "customer_id",
        "order_id",
        "rating",
        "title",
        "lead",
        "body",
    ),
    "review_removed": ("occurred_at_ms", "review_id", "product_id", "customer_id", "rating", "reason"),
}

CATALOGUE_EVENTS = frozenset({"product_launched", "product_price_changed", "product_discontinued"})


@cache
def choices(event_type: str, field: str) -> tuple[str, ...]:
    """The values of a contract field that is a `Literal`."""
    values: tuple[str, ...] = get_args(get_type_hints(EVENTS[event_type])[field])
    return values


def contract_choice(event_type: str, field: str, weights: Mapping[Any, float]) -> WeightedChoice:
    """A weighted choice among the contract's values of a field; a value without a weight is never chosen."""
    return weighted_choice(weights.get(name, 0) for name in choices(event_type, field))


def field(records: Ints, event_type: str, name: str) -> Ints:
    """One field of records as a view, shape [events]."""
    row: Ints = records[LAYOUT[event_type].index(name)]
    return row


class Pending:
    """Records that are simulated and lie in the future. Mutable; one per lane."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Ints]] = {}

    def add(self, event_type: str, occurred_at_ms: Ints, **fields: Ints | int) -> None:
        """Add events of one type; a field has one number per event, or one for all.

        Catalogue events get even milliseconds and all others odd ones. So a price change or a launch, which another
        lane publishes, never has the same millisecond as an event that depends on it. A cause must therefore happen
        at least 2 ms before its effect.
        """
        if not len(occurred_at_ms):
            return
        layout = LAYOUT[event_type]
        part = np.empty((len(layout), len(occurred_at_ms)), dtype=np.int64)
        part[0] = occurred_at_ms & ~1 if event_type in CATALOGUE_EVENTS else occurred_at_ms | 1
        for row, name in enumerate(layout[1:], start=1):
            part[row] = fields.pop(name)
        if fields:
            raise TypeError(f"{event_type} has no fields {sorted(fields)}")
        self._parts.setdefault(event_type, []).append(part)

    def take(self, end_ms: int) -> dict[str, Ints]:
        """Remove and return all records before `end_ms`, by type; types without records are left out."""
        due: dict[str, Ints] = {}
        for event_type, parts in self._parts.items():
            records = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
            now = records[0] < end_ms
            if now.all():
                taken, kept = records, records[:, :0]
            else:
                # `take` is several times as fast as a mask over both axes.
                taken = records.take(np.flatnonzero(now), axis=1)
                kept = records.take(np.flatnonzero(~now), axis=1)
            if taken.shape[1]:
                due[event_type] = taken
            self._parts[event_type] = [kept] if kept.shape[1] else []
        self._parts = {name: parts for name, parts in self._parts.items() if parts}
        return due
