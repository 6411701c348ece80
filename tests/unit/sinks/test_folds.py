"""What each store's fold says of a few events, written out from docs/data-model.md. Pure functions, no store."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from shoplake.contract import TOPICS
from shoplake.contract.limits import CART_ADDITIONS
from shoplake.errors import SinkError, StoreDamaged
from shoplake.sinks.base import Batch
from shoplake.sinks.dynamodb import items as dynamodb_items
from shoplake.sinks.keyed import Item, Key, Part, fold_items
from shoplake.sinks.lake import sink as lake
from shoplake.sinks.lake.schema import table_schema
from shoplake.sinks.lake.sink import Checkpoint, read_checkpoints
from shoplake.sinks.mongo import documents
from shoplake.sinks.postgres.event_columns import TABLES
from shoplake.sinks.redis.sink import hash_changes, sorted_set_changes

from .small_log import MINUTE_MS, START_MS, Event, frame

LINE = {"product_id": "p1", "quantity": 2, "unit_price_cents": 100}
OTHER_LINE = {"product_id": "p2", "quantity": 3, "unit_price_cents": 50}
PLACED: Event = (
    "order_placed",
    {
        "order_id": "o1",
        "customer_id": "c1",
        "session_id": "s1",
        "currency": "EUR",
        "lines": [LINE, OTHER_LINE],
        "subtotal_cents": 350,
        "discount_cents": 10,
        "shipping_cents": 5,
        "tax_cents": 7,
        "total_cents": 352,
    },
)
PAYMENT = {"order_id": "o1", "customer_id": "c1", "payment_id": "y1"}
PAID: list[Event] = [
    ("payment_authorised", PAYMENT | {"amount_cents": 352, "currency": "EUR", "method": "card"}),
    ("payment_captured", PAYMENT | {"amount_cents": 300}),
    ("payment_captured", PAYMENT | {"amount_cents": 52}),
    ("payment_refunded", PAYMENT | {"amount_cents": 100}),
]
CHARGED_BACK: Event = (
    "payment_charged_back",
    PAYMENT | {"amount_cents": 252, "currency": "EUR", "reason": "fraud"},
)
SESSION = {"session_id": "s1"}
ADDED = SESSION | {"product_id": "p1", "quantity": 2, "unit_price_cents": 100}


def at(minute: int) -> datetime:
    """The time of the event at an offset."""
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)


def rows(table: str, *events: Event) -> list[dict[str, Any]]:
    """Rows of a Postgres table, without what is null."""
    (one,) = [t for t in TABLES if t.name == table]
    found = one.rows(frame(one.topic, *events))
    assert tuple(found.columns) == one.columns
    return [{name: value for name, value in row.items() if value is not None} for row in found.to_dicts()]


def items(parts: tuple[Part, ...], collection: str, topic: str, *batches: list[Event]) -> dict[Key, Item]:
    """Items of a collection after batches of one topic, without the bookkeeping."""
    stored: dict[Key, Item] = {}
    offset = 0
    for events in batches:
        for part in parts:
            if (part.collection, part.topic) == (collection, topic):
                stored |= fold_items(frame(topic, *events, first_offset=offset), part, stored)
        offset += len(events)
    return {k: {n: v for n, v in item.items() if n not in ("folded", "rev")} for k, item in stored.items()}


def test_an_order_row_has_the_placed_values_and_the_last_status() -> None:
    assert rows("orders", PLACED, *PAID[:2]) == [
        {
            "order_id": "o1",
            "customer_id": "c1",
            "session_id": "s1",
            "currency": "EUR",
            "subtotal_cents": 350,
            "discount_cents": 10,
            "shipping_cents": 5,
            "tax_cents": 7,
            "total_cents": 352,
            "placed_at": at(0),
            "status": "paid",
            "updated_at": at(2),
        }
    ]


def test_an_order_has_a_row_before_its_order_placed_event() -> None:
    cancelled = ("order_cancelled", {"order_id": "o9", "customer_id": "c1", "reason": "requested"})
    expected = {"order_id": "o9", "customer_id": "c1", "status": "cancelled", "updated_at": at(0)}
    assert rows("orders", cancelled) == [expected]


def test_one_order_id_of_two_customers_is_two_orders() -> None:
    """They are in two partitions, which have no order between them."""
    other = ("order_placed", PLACED[1] | {"customer_id": "c2", "total_cents": 7})
    assert {row["customer_id"]: row["total_cents"] for row in rows("orders", PLACED, other)} == {"c1": 352, "c2": 7}
    assert len(rows("order_items", PLACED, other)) == 4


def test_lines_are_numbered_from_one() -> None:
    assert rows("order_items", PLACED, *PAID) == [
        {"order_id": "o1", "customer_id": "c1", "line_no": 1} | LINE,
        {"order_id": "o1", "customer_id": "c1", "line_no": 2} | OTHER_LINE,
    ]


def test_a_payment_sums_captures_and_refunds() -> None:
    (row,) = rows("payments", PLACED, *PAID)
    assert (row["amount_cents"], row["captured_cents"], row["refunded_cents"]) == (352, 352, 100)
    assert (row["status"], row["updated_at"]) == ("refunded", at(4))


def test_a_payment_keeps_chargebacks_apart_from_refunds() -> None:
    (row,) = rows("payments", PLACED, *PAID, CHARGED_BACK)
    assert (row["captured_cents"], row["refunded_cents"], row["charged_back_cents"]) == (352, 100, 252)
    assert (row["status"], row["chargeback_reason"], row["currency"]) == ("charged_back", "fraud", "EUR")
    assert rows("orders", PLACED, *PAID, CHARGED_BACK)[0]["status"] == "charged_back"


def test_a_decline_is_a_payment_with_a_reason_and_no_status_of_its_order() -> None:
    declined = ("payment_declined", PAID[0][1] | {"reason": "expired_card"})
    (payment,) = rows("payments", declined)
    assert (payment["status"], payment["decline_reason"], payment["captured_cents"]) == ("declined", "expired_card", 0)
    (order,) = rows("orders", declined)
    assert order == {"order_id": "o1", "customer_id": "c1", "updated_at": at(0)}


def test_a_shipment_keeps_the_time_of_each_step() -> None:
    shipment = {"order_id": "o1", "customer_id": "c1", "shipment_id": "h1"}
    events = [
        ("order_shipped", shipment | {"carrier": "dhl"}),
        ("order_delivered", shipment),
        ("order_returned", shipment | {"reason": "damaged"}),
    ]
    assert rows("shipments", PLACED, *events) == [
        shipment
        | {"carrier": "dhl", "status": "returned", "return_reason": "damaged"}
        | {"shipped_at": at(1), "delivered_at": at(2), "returned_at": at(3), "updated_at": at(3)}
    ]


def test_stock_moves_by_warehouse() -> None:
    place = {"product_id": "p1", "warehouse_id": "w1", "order_id": "o1"}
    moves = [("received", 10), ("reserved", 4), ("released", 1), ("shipped", 3), ("returned", 2)]
    events = [(f"stock_{kind}", place | {"quantity": quantity}) for kind, quantity in moves]
    (row,) = rows("inventory", *events)
    assert (row["on_hand"], row["reserved"]) == (10 - 3 + 2, 4 - 1 - 3)


def test_the_last_value_that_is_not_null_stays() -> None:
    registered = ("customer_registered", {"customer_id": "c1", "name": "Ada", "city": "Leeds", "segment": "regular"})
    events = [
        registered,
        ("customer_segment_changed", {"customer_id": "c1", "segment": "loyal"}),
        ("customer_deactivated", {"customer_id": "c1", "reason": "inactive"}),
    ]
    (row,) = rows("customers", *events)
    assert row == {
        **{"customer_id": "c1", "name": "Ada", "city": "Leeds", "segment": "loyal", "status": "churned"},
        **{"registered_at": at(0), "updated_at": at(2)},
    }


def test_a_session_item_counts_pages_and_lasts_two_years_from_its_last_event() -> None:
    events = [
        ("session_started", SESSION | {"device": "mobile", "referrer": "social"}),
        ("page_viewed", SESSION | {"page": "home"}),
        ("product_viewed", SESSION | {"product_id": "p1"}),
        ("search_performed", SESSION | {"query": "q", "results": 3}),
        ("checkout_started", SESSION),
    ]
    expected = {
        **{"device": "mobile", "referrer": "social", "started_at": START_MS, "status": "checkout"},
        **{"pages": 2, "searches": 1, "cart": {}, "additions": 0, "last_event_at": START_MS + 4 * MINUTE_MS},
        "expires_at": START_MS // 1000 + 4 * 60 + 730 * 24 * 3600,
    }
    for batches in ([events], [[event] for event in events]):
        assert items(dynamodb_items.PARTS, "sessions", "clicks", *batches) == {("s1",): expected}


def test_a_late_event_does_not_move_a_session_back_in_time() -> None:
    late = ("page_viewed", SESSION | {"page": "home", "occurred_at_ms": START_MS - MINUTE_MS})
    item = items(dynamodb_items.PARTS, "sessions", "clicks", [("checkout_started", SESSION)], [late])["s1",]
    assert item["last_event_at"] == START_MS


def test_a_cart_line_sums_additions_since_the_last_removal_at_the_last_price() -> None:
    removed = ("cart_item_removed", SESSION | {"product_id": "p1"})
    dearer = ("cart_item_added", ADDED | {"unit_price_cents": 120, "quantity": 1})
    events = [("cart_item_added", ADDED), removed, ("cart_item_added", ADDED), dearer]
    for batches in ([events], [events[:1], events[1:]], [events[:2], events[2:]], [events[:3], events[3:]]):
        item = items(dynamodb_items.PARTS, "sessions", "clicks", *batches)["s1",]
        assert item["cart"] == {"p1": {"quantity": 3, "unit_price_cents": 120}}


def test_a_removed_product_is_not_in_the_cart() -> None:
    removed = ("cart_item_removed", SESSION | {"product_id": "p1"})
    for batches in ([[("cart_item_added", ADDED), removed]], [[("cart_item_added", ADDED)], [removed]], [[removed]]):
        assert items(dynamodb_items.PARTS, "sessions", "clicks", *batches)["s1",]["cart"] == {}


def test_a_cart_keeps_the_first_thousand_additions_for_any_batches() -> None:
    """More would not fit into an item: one that DynamoDB refuses would stop its partition."""
    ids = [f"{'😀' * 60}{n:04}" for n in range(CART_ADDITIONS + 5)]
    first = [("cart_item_added", ADDED | {"product_id": each}) for each in ids]
    removed = ("cart_item_removed", SESSION | {"product_id": ids[0]})
    events = [*first[:600], removed, *first[600:], removed, first[0]]
    for batches in ([events], [events[:999], events[999:1003], events[1003:]], [events[:1], events[1:]]):
        item = items(dynamodb_items.PARTS, "sessions", "clicks", *batches)["s1",]
        assert set(item["cart"]) == set(ids[1:CART_ADDITIONS])
        assert item["additions"] == CART_ADDITIONS
        assert item["status"] == "cart"


def test_an_order_item_counts_its_units() -> None:
    assert items(dynamodb_items.PARTS, "orders", "orders", [PLACED], PAID[:1]) == {
        ("c1", "o1"): {
            **{"status": "authorised", "placed_at": START_MS, "total_cents": 352, "currency": "EUR", "items": 5},
            "updated_at": START_MS + MINUTE_MS,
        }
    }


def test_a_customer_document_counts_orders_and_spending() -> None:
    returned = ("order_returned", {"order_id": "o1", "customer_id": "c1", "shipment_id": "h1", "reason": "damaged"})
    assert items(documents.PARTS, "customers", "orders", [PLACED, *PAID], [returned]) == {
        ("c1",): {
            "orders": {
                **{"placed": 1, "cancelled": 0, "returned": 1, "spent_cents": 252},
                **{"last_order_id": "o1", "last_order_at": at(0)},
            }
        }
    }


def test_chargebacks_are_not_spending() -> None:
    events = [PLACED, *PAID, CHARGED_BACK]
    assert items(documents.PARTS, "customers", "orders", events)["c1",]["orders"]["spent_cents"] == 0


def test_a_product_has_the_model_of_its_variant() -> None:
    launched = ("product_launched", {"product_id": "p1", "name": "Mug", "model_id": "m1", "variant": "Blue"})
    expected = {"model_id": "m1", "variant": "Blue", "name": "Mug", "status": "on_sale", "launched_at": at(0)}
    assert items(documents.PARTS, "products", "products", [launched]) == {("p1",): expected}
    (row,) = rows("products", launched)
    assert row == {"product_id": "p1", "updated_at": at(0)} | expected


def test_a_session_item_has_the_currency_of_its_cart() -> None:
    added = [("cart_item_added", ADDED | {"currency": "JPY"}), ("cart_item_added", ADDED)]
    assert items(dynamodb_items.PARTS, "sessions", "clicks", added)["s1",]["currency"] == "JPY"


def test_a_removed_review_no_longer_counts() -> None:
    review = {"product_id": "p1", "customer_id": "c1", "rating": 4}
    events = [
        ("review_submitted", review),
        ("review_submitted", review | {"rating": 1}),
        ("review_removed", review | {"rating": 1}),
    ]
    for batches in ([events], [events[:2], events[2:]]):
        assert items(documents.PARTS, "products", "reviews", *batches) == {
            ("p1",): {"ratings": {"1": 0, "2": 0, "3": 0, "4": 1, "5": 0, "count": 1, "sum": 4}}
        }
        assert items(documents.PARTS, "customers", "reviews", *batches) == {
            ("c1",): {"reviews": {"count": 1, "rating_sum": 4}}
        }


def test_the_board_counts_revenue_by_minute_and_the_funnel_by_day() -> None:
    midnight = ("payment_captured", PAYMENT | {"amount_cents": 9, "occurred_at_ms": START_MS + 1440 * MINUTE_MS})
    batch = Batch(
        {
            "orders": frame("orders", PLACED, *PAID, midnight),
            "clicks": frame("clicks", ("session_started", SESSION), ("page_viewed", SESSION), ("session_started", {})),
        },
        {},
    )
    assert hash_changes(batch) == [
        ("shoplake:revenue:2024-01-01", ["00:02", "300", "00:03", "52", "00:04", "-100"]),
        ("shoplake:revenue:2024-01-02", ["00:00", "9"]),
        ("shoplake:funnel:2024-01-01", ["session_started", "2"]),
    ]
    assert sorted_set_changes(batch) == [("shoplake:top_products", ["p1", "2", "p2", "3"])]


def test_the_board_never_adds_up_two_currencies() -> None:
    yen = ("payment_captured", PAYMENT | {"amount_cents": 5_000, "currency": "JPY"})
    euros = ("payment_captured", PAYMENT | {"amount_cents": 300, "currency": "EUR"})
    assert hash_changes(Batch({"orders": frame("orders", yen, euros, CHARGED_BACK)}, {})) == [
        ("shoplake:revenue:2024-01-01:JPY", ["00:00", "5000"]),
        ("shoplake:revenue:2024-01-01:EUR", ["00:01", "300", "00:02", "-252"]),
    ]


def test_the_boards_stock_is_the_available_stock_of_all_warehouses() -> None:
    moves = [("received", "w1", 10), ("reserved", "w1", 4), ("shipped", "w1", 4), ("received", "w2", 5)]
    events = [(f"stock_{kind}", {"product_id": "p1", "warehouse_id": where, "quantity": n}) for kind, where, n in moves]
    assert hash_changes(Batch({"inventory": frame("inventory", *events)}, {})) == [("shoplake:stock", ["p1", "11"])]


def test_a_batch_without_changes_sends_nothing_to_the_board() -> None:
    nothing = Batch({"orders": frame("orders"), "clicks": frame("clicks", ("page_viewed", SESSION))}, {})
    assert (hash_changes(nothing), sorted_set_changes(nothing)) == ([], [])


def test_a_lake_row_has_the_event_its_time_and_its_position() -> None:
    table = lake.to_arrow("clicks", frame("clicks", ("page_viewed", SESSION | {"page": "home"}), first_offset=7))
    (row,) = table.to_pylist()
    assert {name: value for name, value in row.items() if value is not None} == {
        **{"type": "page_viewed", "event_id": "e7", "occurred_at_ms": START_MS + 7 * MINUTE_MS},
        **{"session_id": "s1", "page": "home", "occurred_at": at(7), "kafka_partition": 0, "kafka_offset": 7},
    }


def test_a_lake_rows_columns_are_its_tables() -> None:
    for topic in TOPICS.values():
        table = lake.to_arrow(topic.name, frame(topic.name))
        assert table.column_names == [field.name for field in table_schema(topic).fields]
        assert table.schema.field("occurred_at").type == pa.timestamp("us", tz="UTC")


class Snapshots:
    """A table's history: summaries from the first snapshot to the newest."""

    def __init__(self, *summaries: dict[str, str]) -> None:
        self._summaries = summaries

    def current_snapshot(self) -> Any:
        return self.snapshot_by_id(len(self._summaries) - 1)

    def snapshot_by_id(self, number: int) -> Any:
        if number < 0:
            return None
        summary = defaultdict(lambda: None, self._summaries[number])  # as PyIceberg's: None where there is no such key
        parent = number - 1 if number else None
        return SimpleNamespace(snapshot_id=number, summary=summary, parent_snapshot_id=parent)

    def name(self) -> tuple[str, ...]:
        return ("shop", "clicks")


def test_a_lakes_checkpoint_is_the_newest_of_all_snapshots() -> None:
    mine = {"shoplake.checkpoint": '{"0": [5, 1], "3": [9, 2]}'}
    expected = {0: Checkpoint(5, 1), 3: Checkpoint(9, 2)}
    assert read_checkpoints(Snapshots({"shoplake.checkpoint": '{"0": [1, 1]}'}, mine)) == expected
    assert read_checkpoints(Snapshots(mine, {"compacted": "yes"}, {})) == expected
    assert read_checkpoints(Snapshots()) == {}


@pytest.mark.parametrize("text", ["{", "[]", '{"0": 5}', '{"0": [5, "1"]}', '{"0": [-1, 1]}', '{"x": [1, 1]}'])
def test_a_lakes_checkpoint_that_is_none_is_named(text: str) -> None:
    with pytest.raises(StoreDamaged, match="lake: the checkpoint of clicks cannot be read"):
        read_checkpoints(Snapshots({"shoplake.checkpoint": text}))


def test_a_lake_table_with_snapshots_and_without_a_checkpoint_is_not_new() -> None:
    with pytest.raises(SinkError, match="the checkpoint of clicks is gone: no snapshot from 0 back has one"):
        read_checkpoints(Snapshots({}, {}))


def test_rows_without_an_entity_are_skipped() -> None:
    events = pl.concat([frame("orders", *PAID), frame("orders", ("order_cancelled", {"order_id": "o1"}))])
    (payments,) = [t for t in TABLES if t.name == "payments"]
    assert payments.rows(events)["payment_id"].to_list() == ["y1"]
