"""Each rule of docs/data-model.md, in the SQL that verify folds the log with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from shoplake.contract.limits import CART_ADDITIONS
from shoplake.verify import key_ranges
from shoplake.verify.stores import documents

from .conftest import CUSTOMER, PLACED, START_MS, Folder

pytestmark = pytest.mark.usefixtures("keys_at_once")

Fold = Callable[..., list[dict[str, Any]]]


def minute(n: int) -> datetime:
    return datetime(2024, 1, 1) + timedelta(minutes=n)


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


SESSION = {"session_id": "s1", "customer_id": None, "device": "mobile", "referrer": "search", "campaign": None}


def added(product: str, quantity: int, price: int, **more: str) -> tuple[str, dict[str, Any]]:
    fields = {"session_id": "s1", "product_id": product, "quantity": quantity, "unit_price_cents": price}
    return "cart_item_added", fields | more


def test_a_cart_adds_up_and_forgets_what_was_removed(fold: Fold) -> None:
    (row,) = fold(
        "dynamodb_sessions",
        clicks=[
            added("p2", 1, 10),
            added("p1", 1, 100),
            added("p1", 2, 90),
            added("p3", 1, 5),
            ("cart_item_removed", {"session_id": "s1", "product_id": "p2"}),
            ("cart_item_removed", {"session_id": "s1", "product_id": "p3"}),
            added("p3", 4, 6),
        ],
    )
    assert row["cart"] == '{"p1":{"quantity":3,"unit_price_cents":90},"p3":{"quantity":4,"unit_price_cents":6}}'


def test_a_cart_takes_the_sessions_first_thousand_additions(fold: Fold) -> None:
    first = [added(f"p{n:04}", 1, 5) for n in range(CART_ADDITIONS + 5)]
    removed = ("cart_item_removed", {"session_id": "s1", "product_id": "p0000"})
    (row,) = fold("dynamodb_sessions", clicks=[*first[:600], removed, *first[600:], removed, first[0]])
    assert sorted(json.loads(row["cart"])) == [f"p{n:04}" for n in range(1, CART_ADDITIONS)]
    assert row["additions"] == CART_ADDITIONS


def test_ids_in_a_cart_are_written_as_the_stores_reader_writes_them(fold: Fold) -> None:
    ids = sorted(["".join(map(chr, range(1, 33))), 'a"b\\c', "\\u001F", "\x7f\u2028😀"])
    (row,) = fold("dynamodb_sessions", clicks=[added(each, 1, 5) for each in ids])
    cart = {each: {"quantity": 1, "unit_price_cents": 5} for each in ids}
    assert row["cart"] == documents.JSON.encode(cart)


def test_many_sessions_are_folded_in_shares(fold: Fold, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_ranges, "KEYS_AT_ONCE", 7)
    viewed = [("page_viewed", {"session_id": f"s{n % 20}", "page": "home"}) for n in range(60)]

    rows = fold("dynamodb_sessions", clicks=viewed)

    assert {row["pk"]: row["pages"] for row in rows} == {f"s{n}": 3 for n in range(20)}
    assert len(rows) == 20


def test_a_session_has_the_currency_of_its_cart(fold: Fold) -> None:
    (row,) = fold("dynamodb_sessions", clicks=[added("p1", 1, 900, currency="JPY"), added("p2", 1, 100)])
    assert row["currency"] == "JPY"


def test_a_session_counts_pages_and_searches_and_follows_the_funnel(fold: Fold) -> None:
    (row,) = fold(
        "dynamodb_sessions",
        clicks=[
            ("session_started", {**SESSION, "customer_id": "c1"}),
            ("page_viewed", {"session_id": "s1", "page": "home"}),
            ("product_viewed", {"session_id": "s1", "product_id": "p1"}),
            ("search_performed", {"session_id": "s1", "query": "mug", "results": 3}),
            ("checkout_started", {"session_id": "s1"}),
            ("checkout_completed", {"session_id": "s1", "order_id": "o1"}),
            ("page_viewed", {"session_id": "s1", "page": "account", "occurred_at_ms": START_MS}),
        ],
    )
    last = START_MS + 5 * 60_000
    assert row == {
        "pk": "s1", "customer_id": "c1", "device": "mobile", "referrer": "search", "campaign": None, "currency": None,
        "started_at": START_MS, "last_event_at": last, "pages": 3, "searches": 1, "additions": 0,
        "status": "ordered",
        "order_id": "o1", "expires_at": last // 1000 + 63_072_000, "cart": "{}", "unknown_fields": None,
        "folded": '{"clicks-0":9}', "rev": "a positive integer", "generation": None,
    }  # fmt: skip


def test_what_an_item_has_folded_is_the_last_offset_of_each_partition(folder: Folder) -> None:
    review = {"review_id": "r1", "customer_id": "c1", "rating": 4}
    folder.log("customers", ("customer_deactivated", {"customer_id": "c1", "reason": "inactive"}))
    folder.log("reviews", *(("review_removed", review | {"product_id": f"p{n}", "reason": "spam"}) for n in range(12)),
        partition_count=11)  # fmt: skip
    folder.expect("mongo")
    (row,) = folder.rows("mongo_customers")
    offsets = {
        f"reviews-{partition}": offset
        for partition, offset in folder.database.execute(
            "SELECT kafka_partition, max(kafka_offset) FROM ev_reviews GROUP BY ALL"
        ).fetchall()
    }
    assert len(offsets) > 2
    assert json.loads(row["folded"]) == {"customers-0": 0} | offsets
    assert row["folded"] == json.dumps(json.loads(row["folded"]), sort_keys=True, separators=(",", ":"))


def test_an_order_item_in_dynamodb_counts_its_pieces(fold: Fold) -> None:
    (row,) = fold("dynamodb_orders", orders=[("order_placed", PLACED)])
    assert (row["pk"], row["sk"], row["items"], row["total_cents"]) == ("c1", "o1", 5, 352)
    assert row["placed_at"] == row["updated_at"] == START_MS


def test_a_customer_document_has_a_section_per_topic_that_spoke(fold: Fold) -> None:
    review = {"review_id": "r1", "product_id": "p1", "customer_id": "c2", "rating": 4}
    rows = fold(
        "mongo_customers",
        customers=[("customer_registered", {"customer_id": "c1", **CUSTOMER})],
        reviews=[
            ("review_submitted", {**review, "order_id": "o1", "title": "", "body": ""}),
            ("review_removed", {**review, "reason": "spam"}),
        ],
    )
    assert [row["_id"] for row in rows] == ["c1", "c2"]
    assert (rows[0]["profile.registered_at"], rows[0]["orders.placed"]) == ("2024-01-01T00:00:00.000Z", None)
    assert (rows[1]["profile.name"], rows[1]["reviews.count"], rows[1]["reviews.rating_sum"]) == (None, 0, 0)


def test_the_orders_of_a_customer_are_counted_from_zero(fold: Fold) -> None:
    ids = {"order_id": "o1", "customer_id": "c1", "payment_id": "y1"}
    (row,) = fold(
        "mongo_customers",
        orders=[
            ("payment_captured", {**ids, "amount_cents": 100}),
            ("payment_refunded", {**ids, "amount_cents": 30}),
            ("payment_charged_back", {**ids, "amount_cents": 50, "currency": "GBP", "reason": "fraud"}),
            ("order_placed", PLACED),
            ("order_placed", {**PLACED, "order_id": "o2"}),
        ],
    )
    orders = {name.removeprefix("orders."): value for name, value in row.items() if name.startswith("orders.")}
    assert orders == {
        "placed": 2, "cancelled": 0, "returned": 0, "spent_cents": 20, "last_order_id": "o2",
        "last_order_at": "2024-01-01T00:04:00.000Z",
    }  # fmt: skip


def test_a_rating_histogram_takes_back_what_was_removed(fold: Fold) -> None:
    def review(name: str, rating: int) -> dict[str, Any]:
        return {"review_id": name, "product_id": "p1", "customer_id": "c1", "rating": rating}

    text = {"order_id": "o1", "title": "", "body": ""}
    (row,) = fold(
        "mongo_products",
        reviews=[
            ("review_submitted", {**review("r1", 5), **text}),
            ("review_submitted", {**review("r2", 2), **text}),
            ("review_removed", {**review("r2", 2), "reason": "spam"}),
        ],
    )
    assert [row[f"ratings.{n}"] for n in (1, 2, 3, 4, 5, "count", "sum")] == [0, 0, 0, 0, 1, 1, 5]
    assert row["name"] is None


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
