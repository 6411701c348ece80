"""The rules of docs/data-model.md for DynamoDB and MongoDB, in the SQL of verify."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shoplake.contract.limits import CART_ADDITIONS
from shoplake.verify import key_ranges
from shoplake.verify.stores import documents

from .conftest import CUSTOMER, PLACED, SESSION, START_MS, Fold, Folder, added

pytestmark = pytest.mark.usefixtures("keys_at_once")


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
