"""The rules of docs/data-model.md for Postgres, the lake and dead letters, in the SQL of verify."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from .conftest import CUSTOMER, PLACED, START_MS, Fold, Folder, minute

pytestmark = pytest.mark.usefixtures("keys_at_once")


def test_a_customer_holds_the_last_value_of_each_field(fold: Fold) -> None:
    moved = {"customer_id": "c1", "street": "2 Hill", "postcode": "XY2", "city": "York", "country": "GB"}
    (row,) = fold(
        "postgres_customers",
        customers=[
            ("customer_registered", {"customer_id": "c1", **CUSTOMER}),
            ("customer_address_changed", moved),
            ("customer_preferences_changed", {"customer_id": "c1", "marketing_opt_in": False}),
            ("customer_segment_changed", {"customer_id": "c1", "segment": "loyal"}),
        ],
    )
    assert row == {
        **CUSTOMER, **moved, "segment": "loyal", "marketing_opt_in": False,
        "status": "active", "registered_at": minute(0), "updated_at": minute(3),
    }  # fmt: skip


def test_a_customer_of_whom_only_a_change_is_known_has_nulls_elsewhere(fold: Fold) -> None:
    (row,) = fold(
        "postgres_customers", customers=[("customer_segment_changed", {"customer_id": "c", "segment": "loyal"})]
    )
    assert (row["segment"], row["name"], row["status"], row["registered_at"]) == ("loyal", None, None, None)
    assert row["updated_at"] == minute(0)


@pytest.mark.parametrize(
    ("events", "status"),
    [
        (["customer_registered"], "active"),
        (["customer_registered", "customer_deactivated"], "churned"),
        (["customer_registered", "customer_deactivated", "customer_reactivated"], "active"),
    ],
)
def test_the_status_of_a_customer_is_the_last_one(fold: Fold, events: list[str], status: str) -> None:
    fields = {"customer_id": "c1", **CUSTOMER, "reason": "inactive"}
    assert fold("postgres_customers", customers=[(e, fields) for e in events])[0]["status"] == status


def test_last_means_the_highest_offset_not_the_latest_time(fold: Fold) -> None:
    (row,) = fold(
        "postgres_products",
        products=[
            ("product_price_changed", {"product_id": "p1", "price_cents": 5, "occurred_at_ms": START_MS + 9_000_000}),
            ("product_price_changed", {"product_id": "p1", "price_cents": 6, "occurred_at_ms": START_MS}),
        ],
    )
    assert (row["price_cents"], row["updated_at"]) == (6, minute(0))


def test_a_discontinued_product_keeps_its_launch(fold: Fold) -> None:
    launch = {
        "product_id": "p1", "name": "Mug", "category": "kitchen", "price_cents": 900, "currency": "EUR",
        "model_id": "m1", "variant": "Blue / M",
    }  # fmt: skip
    (row,) = fold(
        "postgres_products", products=[("product_launched", launch), ("product_discontinued", {"product_id": "p1"})]
    )
    assert row == {**launch, "status": "discontinued", "launched_at": minute(0), "updated_at": minute(1)}


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("order_placed", "placed"),
        ("payment_authorised", "authorised"),
        ("payment_declined", "placed"),
        ("payment_captured", "paid"),
        ("order_shipped", "shipped"),
        ("order_delivered", "delivered"),
        ("order_returned", "returned"),
        ("payment_refunded", "refunded"),
        ("payment_charged_back", "charged_back"),
        ("order_cancelled", "cancelled"),
    ],
)
def test_each_event_of_an_order_sets_its_status(folder: Folder, event: str, status: str) -> None:
    fields = {
        "order_id": "o1", "customer_id": "c1", "payment_id": "y1", "shipment_id": "h1", "amount_cents": 9,
        "carrier": "dhl", "currency": "EUR", "method": "card",
        "reason": {
            "payment_declined": "expired_card", "order_cancelled": "requested", "payment_charged_back": "fraud",
        }.get(event, "damaged"),
    }  # fmt: skip
    folder.log("orders", ("order_placed", PLACED), (event, PLACED if event == "order_placed" else fields))
    folder.expect("postgres")
    assert [row["status"] for row in folder.rows("postgres_orders")] == [status]
    folder.run("dynamodb")
    assert [row["status"] for row in folder.rows("dynamodb_orders")] == [status]


def test_an_order_holds_what_was_placed_and_the_time_of_its_last_event(fold: Fold) -> None:
    capture = {"order_id": "o1", "customer_id": "c1", "payment_id": "y1", "amount_cents": 999}
    (row,) = fold("postgres_orders", orders=[("order_placed", PLACED), ("payment_captured", capture)])
    placed = {name: value for name, value in PLACED.items() if name != "lines"}
    assert row == {**placed, "placed_at": minute(0), "status": "paid", "updated_at": minute(1)}


def test_an_order_known_by_a_declined_payment_only_has_no_status_and_no_currency(fold: Fold) -> None:
    declined = {
        "order_id": "o9", "customer_id": "c1", "payment_id": "y1", "amount_cents": 5, "currency": "EUR",
        "method": "card", "reason": "expired_card",
    }  # fmt: skip
    (row,) = fold("postgres_orders", orders=[("payment_declined", declined)])
    assert (row["status"], row["currency"], row["placed_at"], row["updated_at"]) == (None, None, None, minute(0))


def test_lines_are_numbered_from_one(fold: Fold) -> None:
    rows = fold("postgres_order_items", orders=[("order_placed", PLACED)])
    assert rows == [
        {
            "order_id": "o1",
            "customer_id": "c1",
            "line_no": 1,
            "product_id": "p1",
            "quantity": 2,
            "unit_price_cents": 100,
        },
        {
            "order_id": "o1",
            "customer_id": "c1",
            "line_no": 2,
            "product_id": "p2",
            "quantity": 3,
            "unit_price_cents": 50,
        },
    ]


def test_a_payment_sums_captures_and_refunds_and_keeps_the_authorised_amount(fold: Fold) -> None:
    ids = {"order_id": "o1", "customer_id": "c1", "payment_id": "y1"}
    (row,) = fold(
        "postgres_payments",
        orders=[
            ("payment_authorised", {**ids, "amount_cents": 100, "currency": "EUR", "method": "card"}),
            ("payment_captured", {**ids, "amount_cents": 60}),
            ("payment_captured", {**ids, "amount_cents": 40}),
            ("payment_refunded", {**ids, "amount_cents": 30}),
            ("payment_charged_back", {**ids, "amount_cents": 70, "currency": "EUR", "reason": "not_received"}),
        ],
    )
    assert row == {
        **ids, "currency": "EUR", "method": "card", "amount_cents": 100, "decline_reason": None,
        "chargeback_reason": "not_received", "captured_cents": 100, "refunded_cents": 30, "charged_back_cents": 70,
        "status": "charged_back", "updated_at": minute(4),
    }  # fmt: skip


def test_a_declined_payment_has_its_reason_and_zero_sums(fold: Fold) -> None:
    declined = {
        "order_id": "o1", "customer_id": "c1", "payment_id": "y1", "amount_cents": 5, "currency": "EUR",
        "method": "card", "reason": "expired_card",
    }  # fmt: skip
    (row,) = fold("postgres_payments", orders=[("payment_declined", declined)])
    assert (row["status"], row["decline_reason"], row["captured_cents"], row["refunded_cents"]) == (
        "declined", "expired_card", 0, 0,
    )  # fmt: skip


def test_a_shipment_holds_the_time_of_each_step(fold: Fold) -> None:
    ids = {"order_id": "o1", "customer_id": "c1", "shipment_id": "h1"}
    (row,) = fold(
        "postgres_shipments",
        orders=[
            ("order_shipped", {**ids, "carrier": "dhl"}),
            ("order_delivered", ids),
            ("order_returned", {**ids, "reason": "damaged"}),
            ("order_cancelled", {"order_id": "o1", "customer_id": "c1", "reason": "requested"}),
        ],
    )
    assert row == {
        **ids, "carrier": "dhl", "status": "returned", "shipped_at": minute(0), "delivered_at": minute(1),
        "returned_at": minute(2), "return_reason": "damaged", "updated_at": minute(2),
    }  # fmt: skip


def test_stock_moves_on_hand_and_reserved(fold: Fold) -> None:
    def moved(event: str, quantity: int) -> tuple[str, dict[str, Any]]:
        return event, {"product_id": "p1", "warehouse_id": "w1", "order_id": "o1", "quantity": quantity}

    events = [
        moved("stock_received", 100), moved("stock_reserved", 10), moved("stock_released", 3),
        moved("stock_shipped", 5), moved("stock_returned", 1),
    ]  # fmt: skip
    (row,) = fold("postgres_inventory", inventory=events)
    assert (row["on_hand"], row["reserved"], row["updated_at"]) == (96, 2, minute(4))


def test_available_stock_on_the_board_is_on_hand_minus_reserved_over_warehouses(fold: Fold) -> None:
    def moved(event: str, warehouse: str, quantity: int) -> tuple[str, dict[str, Any]]:
        return event, {"product_id": "p1", "warehouse_id": warehouse, "order_id": "o1", "quantity": quantity}

    events = [
        moved("stock_received", "w1", 100), moved("stock_received", "w2", 7), moved("stock_reserved", "w1", 10),
        moved("stock_released", "w1", 3), moved("stock_shipped", "w1", 5), moved("stock_returned", "w2", 1),
    ]  # fmt: skip
    assert fold("redis_board", inventory=events) == [{"key": "shoplake:stock", "field": "p1", "value": 101}]


def test_one_order_id_of_two_customers_is_two_orders(folder: Folder) -> None:
    other = {**PLACED, "customer_id": "c2", "total_cents": 7}
    # Of the partitions of two customers, that of the first has the higher offsets here.
    folder.log("orders", ("order_placed", other), partition_count=6)
    folder.log("orders", ("order_placed", PLACED), partition_count=6, first_offset=100)
    folder.expect("postgres")
    found = {row["customer_id"]: row["total_cents"] for row in folder.rows("postgres_orders")}
    assert found == {"c1": 352, "c2": 7}
    assert len(folder.rows("postgres_order_items")) == 4


def test_a_removed_review_keeps_its_text(fold: Fold) -> None:
    review = {
        "review_id": "r1", "product_id": "p1", "customer_id": "c1", "order_id": "o1", "rating": 4, "title": "Good",
        "body": "",
    }  # fmt: skip
    removal = {"review_id": "r1", "product_id": "p1", "customer_id": "c1", "rating": 4, "reason": "spam"}
    (row,) = fold("postgres_reviews", reviews=[("review_submitted", review), ("review_removed", removal)])
    assert row == {
        **review, "status": "removed", "removal_reason": "spam", "submitted_at": minute(0), "updated_at": minute(1)
    }  # fmt: skip


def test_the_lake_holds_every_valid_event_with_its_coordinates(folder: Folder) -> None:
    folder.log("products", ("product_discontinued", {"product_id": "p1"}), b"{", partition_count=6, first_offset=9)
    folder.expect("lake")
    (row,) = folder.rows("lake_products")
    assert (row["kafka_partition"], row["kafka_offset"], row["occurred_at"]) == (2, 9, minute(0))
    assert (row["type"], row["product_id"], row["price_cents"]) == ("product_discontinued", "p1", None)


def test_refused_events_are_expected_as_dead_letters_and_nowhere_else(folder: Folder) -> None:
    unnamed = ("product_discontinued", {"product_id": 7})
    folder.log("products", b"{", unnamed, partition_count=6, first_offset=3)
    folder.expect("dead_letters")
    rows = folder.rows("dead_letters_letters")
    assert [(r["letter"], r["reason"]) for r in rows] == [
        ("products-2-3", "malformed_json"),
        ("products-3-4", "schema"),
    ]
    assert rows[0]["value_md5"] == hashlib.md5(b"{").hexdigest()
    assert folder.database.execute("SELECT count(*) FROM ev_products").fetchall() == [(0,)]
