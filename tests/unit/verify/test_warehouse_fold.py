"""The dimensions and facts of the warehouse, in the SQL of verify."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from .conftest import CUSTOMER, PLACED, SESSION, START_MS, WHOLE_LOG, Fold, Folder, added, minute

DAY_MS = 86_400_000
ORDER = {"order_id": "o1", "customer_id": "c1"}
PAYMENT = {**ORDER, "payment_id": "y1"}
SHIPMENT = {**ORDER, "shipment_id": "h1"}
LAUNCH = {
    "product_id": "p1", "name": "Mug", "category": "kitchen", "price_cents": 900, "currency": "EUR", "model_id": "m1",
    "variant": "Blue / M",
}  # fmt: skip
REVIEW = {
    "review_id": "r1", "product_id": "p1", "customer_id": "c1", "order_id": "o1", "rating": 4, "title": "Good",
    "body": "Nice",
}  # fmt: skip
NO_MONEY = {"captured_cents": 0, "refunded_cents": 0, "charged_back_cents": 0, "net_cents": 0}


def day(n: float) -> dict[str, int]:
    """The field of an event that happened n days after the start."""
    return {"occurred_at_ms": START_MS + round(n * DAY_MS)}


def on(n: float) -> datetime:
    """The time of `day`, as DuckDB returns it."""
    return datetime(2024, 1, 1) + timedelta(days=n)


@pytest.mark.usefixtures("keys_at_once")
def test_each_event_of_a_customer_is_a_version_and_a_late_one_takes_its_place_in_time(gold: Fold) -> None:
    rows = gold(
        "dim_customers",
        customers=[
            ("customer_registered", {"customer_id": "c1", **CUSTOMER, **day(0)}),
            ("customer_deactivated", {"customer_id": "c1", "reason": "inactive", **day(9)}),
            ("customer_segment_changed", {"customer_id": "c1", "segment": "loyal", **day(5)}),
            ("customer_preferences_changed", {"customer_id": "c1", "marketing_opt_in": False, **day(7)}),
        ],
    )
    kept = {"customer_id": "c1", **CUSTOMER}
    assert rows == [
        {**kept, "version": 1, "status": "active", "valid_from": on(0), "valid_to": on(5), "is_current": False},
        {
            **kept, "version": 2, "segment": "loyal", "status": "active", "valid_from": on(5), "valid_to": on(7),
            "is_current": False,
        },
        {
            **kept, "version": 3, "segment": "loyal", "marketing_opt_in": False, "status": "active",
            "valid_from": on(7), "valid_to": on(9), "is_current": False,
        },
        {
            **kept, "version": 4, "segment": "loyal", "marketing_opt_in": False, "status": "churned",
            "valid_from": on(9), "valid_to": None, "is_current": True,
        },
    ]  # fmt: skip
    assert list(rows[0]) == [
        "customer_id", "version", "name", "email", "segment", "street", "postcode", "city", "country", "currency",
        "marketing_opt_in", "status", "valid_from", "valid_to", "is_current",
    ]  # fmt: skip


def test_versions_of_one_moment_are_in_order_of_the_log(gold: Fold) -> None:
    rows = gold(
        "dim_customers",
        customers=[
            ("customer_segment_changed", {"customer_id": "c1", "segment": "loyal", **day(1)}),
            ("customer_segment_changed", {"customer_id": "c1", "segment": "premium", **day(1)}),
        ],
    )
    assert [(row["version"], row["segment"], row["valid_to"]) for row in rows] == [
        (1, "loyal", on(1)),
        (2, "premium", None),
    ]


def test_a_price_change_before_the_launch_in_time_is_the_first_version(gold: Fold) -> None:
    rows = gold(
        "dim_products",
        products=[
            ("product_launched", {**LAUNCH, **day(2)}),
            ("product_price_changed", {"product_id": "p1", "price_cents": 500, **day(1)}),
            ("product_discontinued", {"product_id": "p1", **day(3)}),
        ],
    )
    unknown = dict.fromkeys(LAUNCH)
    assert rows == [
        {
            **unknown, "product_id": "p1", "version": 1, "price_cents": 500, "status": None, "valid_from": on(1),
            "valid_to": on(2), "is_current": False,
        },
        {**LAUNCH, "version": 2, "status": "on_sale", "valid_from": on(2), "valid_to": on(3), "is_current": False},
        {**LAUNCH, "version": 3, "status": "discontinued", "valid_from": on(3), "valid_to": None, "is_current": True},
    ]  # fmt: skip


@pytest.mark.usefixtures("keys_at_once")
def test_an_order_has_its_money_and_the_customer_as_of_its_placement(gold: Fold) -> None:
    (row,) = gold(
        "fct_orders",
        customers=[
            ("customer_registered", {"customer_id": "c1", **CUSTOMER, **day(0)}),
            ("customer_segment_changed", {"customer_id": "c1", "segment": "premium", **day(4)}),
            ("customer_segment_changed", {"customer_id": "c1", "segment": "loyal", **day(2)}),
        ],
        orders=[
            ("order_placed", {**PLACED, **day(2)}),
            ("payment_captured", {**PAYMENT, "amount_cents": 352, **day(3)}),
            ("payment_refunded", {**PAYMENT, "amount_cents": 52, **day(5)}),
            ("payment_charged_back", {**PAYMENT, "amount_cents": 300, "currency": "GBP", "reason": "fraud", **day(6)}),
            ("order_cancelled", {**ORDER, "reason": "requested", **day(7)}),
            ("payment_declined", {
                **PAYMENT, "amount_cents": 1, "currency": "GBP", "method": "card", "reason": "expired_card", **day(8),
            }),
        ],
    )  # fmt: skip
    assert row == {
        **{name: value for name, value in PLACED.items() if name != "lines"},
        "status": "cancelled", "placed_at": on(2), "placed_on": date(2024, 1, 3), "cancelled_at": on(7),
        "cancel_reason": "requested", "lines": 2, "units": 5, "captured_cents": 352, "refunded_cents": 52,
        "charged_back_cents": 300, "net_cents": 0, "country": "GB", "segment": "loyal", "updated_at": on(8),
    }  # fmt: skip
    assert list(row) == [
        "order_id", "customer_id", "session_id", "currency", "status", "placed_at", "placed_on", "cancelled_at",
        "cancel_reason", "lines", "units", "subtotal_cents", "discount_cents", "shipping_cents", "tax_cents",
        "total_cents", "captured_cents", "refunded_cents", "charged_back_cents", "net_cents", "country", "segment",
        "updated_at",
    ]  # fmt: skip


def test_an_order_before_the_first_version_of_its_customer_has_no_segment(gold: Fold) -> None:
    (row,) = gold(
        "fct_orders",
        customers=[("customer_registered", {"customer_id": "c1", **CUSTOMER, **day(1)})],
        orders=[("order_placed", {**PLACED, **day(0)})],
    )
    assert (row["country"], row["segment"]) == (None, None)


def test_of_two_order_placed_events_the_last_in_the_log_counts(folder: Folder) -> None:
    line = {"product_id": "p9", "quantity": 7, "unit_price_cents": 3}
    again = {**PLACED, "lines": [line], "total_cents": 21, "session_id": "s2", **day(1)}
    folder.log("orders", ("order_placed", {**PLACED, **day(2)}), ("order_placed", again))
    folder.expect_build(WHOLE_LOG)
    (order,) = folder.rows("warehouse_fct_orders")
    assert (order["placed_at"], order["total_cents"], order["lines"], order["units"]) == (on(1), 21, 1, 7)
    assert folder.rows("warehouse_fct_order_items") == [
        {**ORDER, "line_no": 1, **line, "amount_cents": 21, "currency": "GBP", "placed_on": date(2024, 1, 2)}
    ]


def test_an_order_of_a_declined_payment_only_has_no_status_and_no_lines(gold: Fold) -> None:
    declined = {**PAYMENT, "amount_cents": 5, "currency": "EUR", "method": "card", "reason": "expired_card"}
    (row,) = gold("fct_orders", orders=[("payment_declined", declined)])
    assert row == {
        **dict.fromkeys(row), **ORDER, **NO_MONEY, "lines": 0, "units": 0, "updated_at": minute(0)
    }  # fmt: skip


@pytest.mark.usefixtures("keys_at_once")
def test_a_payment_has_the_sums_and_the_last_time_of_each_step(gold: Fold) -> None:
    (row,) = gold(
        "fct_payments",
        orders=[
            ("payment_declined", {
                **PAYMENT, "amount_cents": 90, "currency": "EUR", "method": "wallet", "reason": "expired_card",
            }),
            ("payment_authorised", {**PAYMENT, "amount_cents": 100, "currency": "EUR", "method": "card"}),
            ("payment_captured", {**PAYMENT, "amount_cents": 60}),
            ("payment_captured", {**PAYMENT, "amount_cents": 40}),
            ("payment_refunded", {**PAYMENT, "amount_cents": 30}),
            ("payment_charged_back", {**PAYMENT, "amount_cents": 70, "currency": "EUR", "reason": "not_received"}),
        ],
    )  # fmt: skip
    assert row == {
        **PAYMENT, "currency": "EUR", "method": "card", "status": "charged_back", "decline_reason": "expired_card",
        "chargeback_reason": "not_received", "authorised_cents": 100, "captured_cents": 100, "refunded_cents": 30,
        "charged_back_cents": 70, "net_cents": 0, "authorised_at": minute(1), "captured_at": minute(3),
        "refunded_at": minute(4), "charged_back_at": minute(5), "updated_at": minute(5),
    }  # fmt: skip


def test_a_payment_of_a_refund_only_has_no_currency_and_nothing_authorised(gold: Fold) -> None:
    (row,) = gold("fct_payments", orders=[("payment_refunded", {**PAYMENT, "amount_cents": 30})])
    assert row == {
        **dict.fromkeys(row), **PAYMENT, "status": "refunded", "captured_cents": 0, "refunded_cents": 30,
        "charged_back_cents": 0, "net_cents": -30, "refunded_at": minute(0), "updated_at": minute(0),
    }  # fmt: skip


@pytest.mark.parametrize(("ms", "seconds"), [(61_999, 61), (0, 0), (-1, -1), (-1000, -1)])
def test_delivery_seconds_are_rounded_down(gold: Fold, ms: int, seconds: int) -> None:
    (row,) = gold(
        "fct_shipments",
        orders=[
            ("order_shipped", {**SHIPMENT, "carrier": "dhl", "occurred_at_ms": START_MS}),
            ("order_delivered", {**SHIPMENT, "occurred_at_ms": START_MS + ms}),
            ("order_returned", {**SHIPMENT, "reason": "damaged", **day(9)}),
        ],
    )
    assert row == {
        **SHIPMENT, "carrier": "dhl", "status": "returned", "shipped_at": on(0),
        "delivered_at": on(0) + timedelta(milliseconds=ms), "returned_at": on(9), "return_reason": "damaged",
        "delivery_seconds": seconds, "updated_at": on(9),
    }  # fmt: skip


def test_a_delivery_without_a_shipment_has_no_duration(gold: Fold) -> None:
    (row,) = gold("fct_shipments", orders=[("order_delivered", SHIPMENT)])
    assert (row["carrier"], row["shipped_at"], row["delivery_seconds"]) == (None, None, None)


@pytest.mark.usefixtures("keys_at_once")
def test_a_session_counts_its_events_and_the_cart_after_its_removals(gold: Fold) -> None:
    in_session = {"session_id": "s1"}
    (row,) = gold(
        "fct_sessions",
        clicks=[
            ("session_started", {**SESSION, "customer_id": "c1", "campaign": "spring"}),
            ("page_viewed", {**in_session, "page": "home", **day(-0.5)}),
            ("search_performed", {**in_session, "query": "mug", "results": 1}),
            ("product_viewed", {**in_session, "product_id": "p1"}),
            added("p1", 5, 10),
            added("p2", 1, 7),
            ("cart_item_removed", {**in_session, "product_id": "p1"}),
            added("p1", 2, 11),
            ("checkout_completed", {**in_session, "order_id": "o1"}),
        ],
    )
    assert row == {
        "session_id": "s1", "customer_id": "c1", "device": "mobile", "referrer": "search", "campaign": "spring",
        "started_at": on(-0.5), "ended_at": minute(8), "started_on": date(2023, 12, 31), "page_views": 1,
        "searches": 1, "product_views": 1, "cart_adds": 3, "cart_removals": 1, "cart_units": 3,
        "cart_value_cents": 29, "step": "ordered", "order_id": "o1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("event", "step"),
    [
        (("page_viewed", {"page": "home"}), "visited"),
        (("cart_item_removed", {"product_id": "p1"}), "visited"),
        (("product_viewed", {"product_id": "p1"}), "viewed"),
        (("cart_item_added", {"product_id": "p1", "quantity": 1, "unit_price_cents": 1}), "carted"),
        (("checkout_started", {}), "checkout"),
        (("checkout_completed", {"order_id": "o1"}), "ordered"),
    ],
)
def test_a_session_has_the_furthest_step(gold: Fold, event: tuple[str, dict[str, Any]], step: str) -> None:
    kind, fields = event
    (row,) = gold("fct_sessions", clicks=[(kind, {"session_id": "s1", **fields})])
    assert (row["step"], row["customer_id"], row["cart_removals"]) == (step, None, int(kind == "cart_item_removed"))


@pytest.mark.usefixtures("keys_at_once")
def test_stock_accumulates_over_days_that_are_apart(gold: Fold) -> None:
    def moved(kind: str, quantity: int, n: float, warehouse: str = "w1") -> tuple[str, dict[str, Any]]:
        return kind, {"product_id": "p1", "warehouse_id": warehouse, "order_id": "o1", "quantity": quantity, **day(n)}

    rows = gold(
        "fct_inventory_daily",
        inventory=[
            moved("stock_received", 100, 0), moved("stock_reserved", 10, 0.5), moved("stock_shipped", 4, 9),
            moved("stock_released", 1, 9.9), moved("stock_returned", 2, 30), moved("stock_received", 5, 3, "w2"),
            moved("stock_received", 7, 3),  # late: of a day between
        ],
    )  # fmt: skip
    columns = ["received", "reserved", "released", "shipped", "returned", "on_hand", "reserved_units"]
    assert [(row["warehouse_id"], row["moved_on"].isoformat(), *(row[name] for name in columns)) for row in rows] == [
        ("w1", "2024-01-01", 100, 10, 0, 0, 0, 100, 10),
        ("w1", "2024-01-04", 7, 0, 0, 0, 0, 107, 10),
        ("w1", "2024-01-10", 0, 0, 1, 4, 0, 103, 5),
        ("w1", "2024-01-31", 0, 0, 0, 0, 2, 105, 5),
        ("w2", "2024-01-04", 5, 0, 0, 0, 0, 5, 0),
    ]
    assert list(rows[0]) == ["product_id", "warehouse_id", "moved_on", *columns]


@pytest.mark.usefixtures("keys_at_once")
def test_a_removed_review_is_not_visible(gold: Fold) -> None:
    removal = {"review_id": "r1", "product_id": "p1", "customer_id": "c1", "rating": 1, "reason": "spam"}
    rows = gold(
        "fct_reviews",
        reviews=[
            ("review_submitted", REVIEW),
            ("review_removed", removal),
            ("review_submitted", {**REVIEW, "review_id": "r2"}),
            ("review_removed", {**removal, "review_id": "r3"}),
        ],
    )
    shown = {"submitted_at": minute(2), "removed_at": None, "removal_reason": None, "is_visible": True}
    assert rows == [
        {**REVIEW, "submitted_at": minute(0), "removed_at": minute(1), "removal_reason": "spam", "is_visible": False},
        {**REVIEW, "review_id": "r2", **shown},
        {
            **dict.fromkeys(REVIEW), "review_id": "r3", "product_id": "p1", "customer_id": "c1", "submitted_at": None,
            "removed_at": minute(3), "removal_reason": "spam", "is_visible": False,
        },
    ]  # fmt: skip


def test_an_event_id_counts_once_at_its_first_place(gold: Fold) -> None:
    first = {**PAYMENT, "event_id": "twice", "amount_cents": 60}
    rows = gold(
        "fct_payments",
        orders=[
            ("payment_captured", first),
            ("payment_captured", {**first, "amount_cents": 999, "payment_id": "y2"}),
            ("payment_captured", {**PAYMENT, "event_id": "once", "amount_cents": 5}),
            ("payment_captured", first),
        ],
        customers=[("customer_segment_changed", {"customer_id": "c1", "segment": "loyal", "event_id": "twice"})],
    )
    assert [(row["payment_id"], row["captured_cents"]) for row in rows] == [("y1", 65)]


def test_of_copies_in_two_partitions_that_of_the_lower_partition_counts(folder: Folder) -> None:
    copy = {"event_id": "twice", "price_cents": 1}
    in_second = ("product_price_changed", {**copy, "product_id": "p1"})
    in_zeroth = ("product_price_changed", {**copy, "product_id": "p3"})
    folder.log("products", in_second, partition_count=6)
    folder.log("products", in_zeroth, partition_count=6, first_offset=9)
    folder.expect_build(WHOLE_LOG)
    assert [row["product_id"] for row in folder.rows("warehouse_dim_products")] == ["p3"]


def test_events_beyond_the_positions_are_not_in_the_build(folder: Folder) -> None:
    def captured(cents: int) -> tuple[str, dict[str, Any]]:
        return "payment_captured", {**PAYMENT, "amount_cents": cents, "event_id": f"e-{cents}"}

    folder.log("orders", captured(1), captured(2), captured(4), captured(4))  # at offsets 0, 1, 3, 4
    folder.log("products", ("product_launched", LAUNCH))
    folder.expect_build({"orders": {0: 3}})
    (payment,) = folder.rows("warehouse_fct_payments")
    assert payment["captured_cents"] == 3
    assert folder.rows("warehouse_dim_products") == []  # a topic that the positions do not name
