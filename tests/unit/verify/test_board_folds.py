"""The rules of docs/data-model.md for the Redis board, in the SQL of verify."""

from __future__ import annotations

import pytest

from .conftest import PLACED, SESSION, START_MS, Fold, added

pytestmark = pytest.mark.usefixtures("keys_at_once")


def test_the_board_shows_revenue_by_minute_of_the_event(fold: Fold) -> None:
    ids = {"order_id": "o1", "customer_id": "c1", "payment_id": "y1"}
    rows = fold(
        "redis_board",
        orders=[
            ("payment_captured", {**ids, "amount_cents": 100}),
            ("payment_refunded", {**ids, "amount_cents": 30, "occurred_at_ms": START_MS + 59_999}),
            ("payment_captured", {**ids, "amount_cents": 5, "occurred_at_ms": START_MS + 86_400_000 - 1}),
            ("payment_captured", {**ids, "amount_cents": 8}),
            ("payment_refunded", {**ids, "amount_cents": 8, "occurred_at_ms": START_MS + 180_000}),
        ],
    )
    day = "shoplake:revenue:2024-01-01"
    assert rows == [{"key": day, "field": "00:00", "value": 70}, {"key": day, "field": "23:59", "value": 5}]


def test_the_board_never_adds_up_two_currencies(fold: Fold) -> None:
    ids = {"order_id": "o1", "customer_id": "c1", "payment_id": "y1", "occurred_at_ms": START_MS}
    charged_back = {**ids, "amount_cents": 9, "currency": "EUR", "reason": "fraud"}
    rows = fold(
        "redis_board",
        orders=[
            ("payment_captured", {**ids, "amount_cents": 100, "currency": "EUR"}),
            ("payment_captured", {**ids, "amount_cents": 5_000, "currency": "JPY"}),
            ("payment_captured", {**ids, "amount_cents": 7}),
            ("payment_charged_back", charged_back),
        ],
    )
    day = "shoplake:revenue:2024-01-01"
    assert [(row["key"], row["value"]) for row in rows] == [(day, 7), (f"{day}:EUR", 91), (f"{day}:JPY", 5_000)]


def test_the_board_counts_units_and_the_funnel(fold: Fold) -> None:
    rows = fold(
        "redis_board",
        orders=[("order_placed", PLACED), ("order_placed", {**PLACED, "order_id": "o2"})],
        clicks=[("session_started", SESSION), added("p1", 5, 1), ("checkout_started", {"session_id": "s1"})],
    )
    day = "shoplake:funnel:2024-01-01"
    assert [(r["key"], r["field"], r["value"]) for r in rows] == [
        (day, "cart_item_added", 1), (day, "checkout_started", 1), (day, "session_started", 1),
        ("shoplake:top_products", "p1", 4), ("shoplake:top_products", "p2", 6),
    ]  # fmt: skip
