"""The SQL folds equal a fold in plain Python, written here from docs/data-model.md, over random sequences of events."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.example_counts import examples

from shoplake.verify import key_ranges

from .conftest import START_MS, Folder

Event = tuple[str, dict[str, Any]]

orders = st.sampled_from(["o1", "o2"])
payments = st.sampled_from(["y1", "y2"])
products = st.sampled_from(["p1", "p2", 'a\x1f"\\\n\u2028😀'])
sessions = st.sampled_from(["s1", "s2"])
warehouses = st.sampled_from(["w1", "w2"])
reviews = st.sampled_from(["r1", "r2"])
customers = st.sampled_from(["c1", "c2"])
cents = st.integers(0, 5)
times = st.integers(START_MS, START_MS + 3 * 86_400_000)
lines = st.lists(
    st.fixed_dictionaries({"product_id": products, "quantity": st.integers(1, 3), "unit_price_cents": cents}),
    min_size=1,
    max_size=3,
)


def event(kinds: list[str], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Event]:
    return st.tuples(st.sampled_from(kinds), st.fixed_dictionaries({"occurred_at_ms": times, **fields}))


ids = {"order_id": orders, "customer_id": customers, "payment_id": payments}
money = dict.fromkeys(("subtotal_cents", "discount_cents", "shipping_cents", "tax_cents", "total_cents"), cents)
attempt = {"currency": st.sampled_from(["EUR", "GBP"]), "method": st.just("card"), "amount_cents": cents}
order_events = st.one_of(
    event(["order_placed"], **ids, **money, session_id=sessions, currency=st.just("EUR"), lines=lines),
    event(["order_cancelled"], **ids, reason=st.just("requested")),
    event(["payment_authorised"], **ids, **attempt),
    event(["payment_declined"], **ids, **attempt, reason=st.just("expired_card")),
    event(
        ["payment_captured", "payment_refunded"],
        **ids,
        amount_cents=cents,
        currency=st.sampled_from([None, "EUR", "JPY"]),
    ),
    event(["payment_charged_back"], **ids, amount_cents=cents, currency=st.just("EUR"), reason=st.just("fraud")),
    event(["order_delivered"], **ids, shipment_id=st.just("h1")),
)
click_events = st.one_of(
    event(
        ["session_started"],
        session_id=sessions,
        customer_id=st.sampled_from([None, "c1"]),
        device=st.just("mobile"),
        referrer=st.just("social"),
        campaign=st.sampled_from([None, "spring"]),
    ),
    event(["page_viewed"], session_id=sessions, page=st.just("home")),
    event(["product_viewed", "cart_item_removed"], session_id=sessions, product_id=products),
    event(["search_performed"], session_id=sessions, query=st.just("q"), results=cents),
    event(
        ["cart_item_added"],
        session_id=sessions,
        product_id=products,
        quantity=st.integers(1, 3),
        unit_price_cents=cents,
        currency=st.sampled_from([None, "EUR", "GBP"]),
    ),
    event(["checkout_started"], session_id=sessions),
    event(["checkout_completed"], session_id=sessions, order_id=orders),
)
stock_events = event(
    ["stock_received", "stock_reserved", "stock_released", "stock_shipped", "stock_returned"],
    product_id=products,
    warehouse_id=warehouses,
    order_id=orders,
    quantity=st.integers(1, 5),
)
review = {"review_id": reviews, "product_id": products, "customer_id": customers, "rating": st.integers(1, 5)}
review_events = st.one_of(
    event(["review_submitted"], **review, order_id=orders, title=st.just(""), body=st.just("")),
    event(["review_removed"], **review, reason=st.just("spam")),
)


@pytest.fixture(scope="module", autouse=True)
def in_shares() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_ranges, "KEYS_AT_ONCE", 1)
        yield


@settings(max_examples=examples(5, 15), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    log=st.fixed_dictionaries(
        {
            "orders": st.lists(order_events, max_size=20),
            "clicks": st.lists(click_events, max_size=30),
            "inventory": st.lists(stock_events, max_size=12),
            "reviews": st.lists(review_events, max_size=12),
        }
    )
)
def test_the_folds_in_sql_equal_folds_in_python(log: dict[str, list[Event]]) -> None:
    with tempfile.TemporaryDirectory() as path:
        folder = Folder(Path(path))
        with folder.database:
            for topic, events in log.items():
                folder.log(topic, *events, partition_count=3)
            folder.expect("postgres")
            for store in ("dynamodb", "mongo", "redis"):
                folder.run(store)
            assert keyed(folder, "postgres_payments", "payment_id", "customer_id") == payments_of(log["orders"])
            assert keyed(folder, "postgres_inventory", "product_id", "warehouse_id") == inventory_of(log["inventory"])
            assert keyed(folder, "dynamodb_sessions", "pk") == sessions_of(log["clicks"])
            assert keyed(folder, "dynamodb_orders", "pk", "sk") == orders_of(log["orders"])
            assert keyed(folder, "mongo_products", "_id") == ratings_of(log["reviews"])
            assert keyed(folder, "redis_board", "key", "field") == board_of(log)


def keyed(folder: Folder, table: str, *key: str) -> dict[Any, dict[str, Any]]:
    """Rows by key, without what is null."""
    rows = {}
    for row in folder.rows(table):
        name = tuple(row.pop(part) for part in key)
        said = {column: v for column, v in row.items() if v is not None and column not in {"folded", "rev"}}
        rows[name if len(key) > 1 else name[0]] = said
    return rows


def utc(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC).replace(tzinfo=None)


def payments_of(events: list[Event]) -> dict[tuple[str, str], dict[str, Any]]:
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    reasons = {"payment_declined": "decline_reason", "payment_charged_back": "chargeback_reason"}
    for kind, e in events:
        if not kind.startswith("payment_"):
            continue
        none = {"captured_cents": 0, "refunded_cents": 0, "charged_back_cents": 0}
        row = rows.setdefault((e["payment_id"], e["customer_id"]), none)
        row |= {"order_id": e["order_id"], "updated_at": utc(e["occurred_at_ms"])}
        row["status"] = kind.removeprefix("payment_")
        if kind in ("payment_authorised", "payment_declined"):
            row |= {name: e[name] for name in ("method", "amount_cents")}
        else:
            row[f"{row['status']}_cents"] += e["amount_cents"]
        if e["currency"] is not None:
            row["currency"] = e["currency"]
        if kind in reasons:
            row[reasons[kind]] = e["reason"]
    return rows


def inventory_of(events: list[Event]) -> dict[tuple[str, str], dict[str, Any]]:
    effect = {"received": (1, 0), "returned": (1, 0), "reserved": (0, 1), "released": (0, -1), "shipped": (-1, -1)}
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for kind, e in events:
        row = rows.setdefault((e["product_id"], e["warehouse_id"]), {"on_hand": 0, "reserved": 0})
        on_hand, reserved = effect[kind.removeprefix("stock_")]
        row["on_hand"] += on_hand * e["quantity"]
        row["reserved"] += reserved * e["quantity"]
        row["updated_at"] = utc(e["occurred_at_ms"])
    return rows


def sessions_of(events: list[Event]) -> dict[str, dict[str, Any]]:
    status = {
        "session_started": "browsing",
        "cart_item_added": "cart",
        "checkout_started": "checkout",
        "checkout_completed": "ordered",
    }
    rows: dict[str, dict[str, Any]] = {}
    carts: dict[str, dict[str, dict[str, int]]] = defaultdict(dict)
    for kind, e in events:
        row = rows.setdefault(e["session_id"], {"pages": 0, "searches": 0, "additions": 0, "last_event_at": 0})
        cart = carts[e["session_id"]]
        row["last_event_at"] = max(row["last_event_at"], e["occurred_at_ms"])
        row["expires_at"] = row["last_event_at"] // 1000 + 730 * 24 * 3600
        row["pages"] += kind in ("page_viewed", "product_viewed")
        row["searches"] += kind == "search_performed"
        if kind in status:
            row["status"] = status[kind]
        if kind == "session_started":
            row["started_at"] = e["occurred_at_ms"]
            said = {name: e[name] for name in ("customer_id", "device", "referrer", "campaign")}
            row |= {name: value for name, value in said.items() if value is not None}
        elif kind == "cart_item_added":
            row["additions"] += 1
            held = cart.get(e["product_id"], {"quantity": 0})["quantity"]
            cart[e["product_id"]] = {"quantity": held + e["quantity"], "unit_price_cents": e["unit_price_cents"]}
            row |= {"currency": e["currency"]} if e["currency"] else {}
        elif kind == "cart_item_removed":
            cart.pop(e["product_id"], None)
        elif kind == "checkout_completed":
            row["order_id"] = e["order_id"]
    for session, row in rows.items():
        row["cart"] = json.dumps(dict(sorted(carts[session].items())), separators=(",", ":"), ensure_ascii=False)
    return rows


def orders_of(events: list[Event]) -> dict[tuple[str, str], dict[str, Any]]:
    status = {
        "order_placed": "placed",
        "order_cancelled": "cancelled",
        "order_delivered": "delivered",
        "payment_authorised": "authorised",
        "payment_captured": "paid",
        "payment_refunded": "refunded",
        "payment_charged_back": "charged_back",
    }
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for kind, e in events:
        row = rows.setdefault((e["customer_id"], e["order_id"]), {})
        row["updated_at"] = e["occurred_at_ms"]
        if kind in status:
            row["status"] = status[kind]
        if kind == "order_placed":
            row |= {"placed_at": e["occurred_at_ms"], "total_cents": e["total_cents"], "currency": e["currency"]}
            row["items"] = sum(line["quantity"] for line in e["lines"])
    return rows


def ratings_of(events: list[Event]) -> dict[str, dict[str, int]]:
    rows: dict[str, dict[str, int]] = {}
    for kind, e in events:
        row = rows.setdefault(
            e["product_id"], {f"ratings.{name}": 0 for name in ("1", "2", "3", "4", "5", "count", "sum")}
        )
        sign = 1 if kind == "review_submitted" else -1
        row[f"ratings.{e['rating']}"] += sign
        row["ratings.count"] += sign
        row["ratings.sum"] += sign * e["rating"]
    return rows


def board_of(log: dict[str, list[Event]]) -> dict[tuple[str, str], dict[str, int]]:
    board: dict[tuple[str, str], int] = defaultdict(int)
    for kind, e in log["orders"]:
        moment = utc(e["occurred_at_ms"])
        if kind in ("payment_captured", "payment_refunded", "payment_charged_back"):
            sign = 1 if kind == "payment_captured" else -1
            suffix = f":{e['currency']}" if e["currency"] else ""
            board[f"shoplake:revenue:{moment:%Y-%m-%d}{suffix}", f"{moment:%H:%M}"] += sign * e["amount_cents"]
        for line in e["lines"] if kind == "order_placed" else ():
            board["shoplake:top_products", line["product_id"]] += line["quantity"]
    funnel = {"session_started", "product_viewed", "cart_item_added", "checkout_started", "checkout_completed"}
    for kind, e in log["clicks"]:
        if kind in funnel:
            board[f"shoplake:funnel:{utc(e['occurred_at_ms']):%Y-%m-%d}", kind] += 1
    for (product, _), row in inventory_of(log["inventory"]).items():
        board["shoplake:stock", product] += row["on_hand"] - row["reserved"]
    return {key: {"value": value} for key, value in board.items() if value}
