"""The warehouse's folds in SQL equal folds in plain Python, over random sequences of events with duplicates."""

from __future__ import annotations

import itertools
import tempfile
from calendar import monthrange
from collections import defaultdict
from datetime import UTC, date, datetime
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.example_counts import examples

from shoplake.contract import TOPICS

from .conftest import CUSTOMER, START_MS, Folder
from .test_fold_property import Event, click_events, event, in_shares, order_events, stock_events

__all__ = ["in_shares"]

END = 20
"""The next offset of the build. Some events of a log are after it."""
moments = st.integers(0, 4).map(lambda n: START_MS + n * 20_000_000)  # few, so that versions share one
customer = {"customer_id": st.sampled_from(["c1", "c2"])}
profile = {name: st.just(value) for name, value in CUSTOMER.items()}
customer_events = st.one_of(
    event(["customer_registered"], **customer, **profile | {"occurred_at_ms": moments}),
    event(
        ["customer_segment_changed"],
        **customer | {"occurred_at_ms": moments, "segment": st.sampled_from(["loyal", "premium"])},
    ),
)


def identified(events: st.SearchStrategy[Event], size: int) -> st.SearchStrategy[list[Event]]:
    """Lists of events of which some have the event id of another."""
    numbers = st.integers(0, 30)
    one = st.tuples(events, numbers).map(lambda pair: (pair[0][0], {**pair[0][1], "event_id": f"e{pair[1]}"}))
    return st.lists(one, max_size=size)


@settings(max_examples=examples(5, 15), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    log=st.fixed_dictionaries(
        {
            "customers": identified(customer_events, 10),
            "orders": identified(order_events, 25),
            "clicks": identified(click_events, 25),
            "inventory": identified(stock_events, 20),
        }
    )
)
def test_the_folds_of_a_build_equal_folds_in_python(log: dict[str, list[Event]]) -> None:
    with tempfile.TemporaryDirectory() as path:
        folder = Folder(Path(path))
        with folder.database:
            for topic, events in log.items():
                folder.log(topic, *events)
            folder.expect_build({topic: {0: END} for topic in TOPICS})
            built = {topic: in_build(events) for topic, events in log.items()}
            versions = versions_of(built["customers"])
            assert picked(folder, "dim_customers", *VERSION) == sorted(versions, key=str)
            assert picked(folder, "fct_orders", "order_id", "customer_id", "segment") == segments_of(built, versions)
            assert picked(folder, "fct_sessions", "session_id", "cart_units", "cart_value_cents") == carts_of(built)
            assert picked(folder, "fct_inventory_daily", *STOCK) == stock_of(built["inventory"])
            assert picked(folder, "revenue_daily", *REVENUE) == revenue_of(built["orders"])
            assert picked(folder, "customer_value", *VALUE) == values_of(built["orders"])
            every = [day(fields) for events in built.values() for _, fields in events]
            assert [row["date_day"] for row in folder.rows("warehouse_dim_dates")] == days_of(every)


VERSION = ("customer_id", "version", "segment", "valid_from", "valid_to")
STOCK = ("product_id", "warehouse_id", "moved_on", "on_hand", "reserved_units")
REVENUE = ("revenue_on", "currency", "net_cents", "payments", "net_eur_cents")
VALUE = ("customer_id", "currency", "orders", "net_cents", "recency_score", "frequency_score", "monetary_score")


def picked(folder: Folder, table: str, *columns: str) -> list[tuple[Any, ...]]:
    return sorted((tuple(row[name] for name in columns) for row in folder.rows(f"warehouse_{table}")), key=str)


def in_build(events: list[Event]) -> list[Event]:
    """The events before the build's position, the first of each id."""
    offsets = (n for n in itertools.count() if n % 3 != 2)  # as `records_of` numbers them
    first: dict[str, Event] = {}
    for offset, (kind, fields) in zip(offsets, events, strict=False):
        if offset < END:
            first.setdefault(fields["event_id"], (kind, fields))
    return list(first.values())


def utc(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC).replace(tzinfo=None)


def day(fields: dict[str, Any]) -> date:
    return utc(fields["occurred_at_ms"]).date()


def versions_of(events: list[Event]) -> list[tuple[Any, ...]]:
    rows = []
    for name in {fields["customer_id"] for _, fields in events}:
        history = sorted((f for _, f in events if f["customer_id"] == name), key=lambda f: f["occurred_at_ms"])
        starts: list[datetime | None] = [utc(fields["occurred_at_ms"]) for fields in history]
        ends = [*starts[1:], None]
        for n, (fields, start, end) in enumerate(zip(history, starts, ends, strict=True), 1):
            rows.append((name, n, fields["segment"], start, end))
    return rows


def segments_of(built: dict[str, list[Event]], versions: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    placed: dict[tuple[str, str], datetime | None] = {}
    for kind, fields in built["orders"]:
        key = (fields["order_id"], fields["customer_id"])
        placed[key] = utc(fields["occurred_at_ms"]) if kind == "order_placed" else placed.get(key)
    rows = []
    for (order, owner), at in placed.items():
        matching = [
            segment
            for name, _, segment, start, end in versions
            if name == owner and at is not None and start <= at and (end is None or at < end)
        ]
        rows.append((order, owner, matching[0] if matching else None))
    return sorted(rows, key=str)


def carts_of(built: dict[str, list[Event]]) -> list[tuple[Any, ...]]:
    carts: dict[str, dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for kind, fields in built["clicks"]:
        cart = carts[fields["session_id"]]
        if kind == "cart_item_added":
            cart[fields["product_id"]].append((fields["quantity"], fields["unit_price_cents"]))
        elif kind == "cart_item_removed":
            cart[fields["product_id"]].clear()
    return sorted(
        (
            (session, sum(n for n, _ in items), sum(n * price for n, price in items))
            for session, cart in carts.items()
            for items in [[item for held in cart.values() for item in held]]
        ),
        key=str,
    )


def stock_of(events: list[Event]) -> list[tuple[Any, ...]]:
    effect = {"received": (1, 0), "returned": (1, 0), "reserved": (0, 1), "released": (0, -1), "shipped": (-1, -1)}
    rows = []
    for product, where, moved_on in {(f["product_id"], f["warehouse_id"], day(f)) for _, f in events}:
        until = [
            (*effect[kind.removeprefix("stock_")], f["quantity"])
            for kind, f in events
            if (f["product_id"], f["warehouse_id"]) == (product, where) and day(f) <= moved_on
        ]
        rows.append((product, where, moved_on, sum(h * n for h, _, n in until), sum(r * n for _, r, n in until)))
    return sorted(rows, key=str)


def revenue_of(events: list[Event]) -> list[tuple[Any, ...]]:
    signs = {"payment_captured": 1, "payment_refunded": -1, "payment_charged_back": -1}
    currencies: dict[tuple[str, str], str] = {}
    for kind, f in events:
        if kind.startswith("payment_") and f["currency"]:
            currencies[f["payment_id"], f["customer_id"]] = f["currency"]
    moved: dict[tuple[date, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(signs, 0))
    captured: dict[tuple[date, str], set[tuple[str, str]]] = defaultdict(set)
    for kind, f in events:
        if kind in signs:
            payment = (f["payment_id"], f["customer_id"])
            row = (day(f), currencies.get(payment, "XXX"))
            moved[row][kind] += f["amount_cents"]
            captured[row] |= {payment} if kind == "payment_captured" else set()
    rows = []
    for row, amounts in moved.items():
        net = sum(signs[kind] * cents for kind, cents in amounts.items())
        euros = None
        if row[1] in RATES:
            euros = sum(signs[kind] * floor(cents / RATES[row[1]] + HALF) for kind, cents in amounts.items())
        rows.append((*row, net, len(captured[row]), euros))
    return sorted(rows, key=str)


RATES = {"EUR": Fraction(1), "GBP": Fraction("0.86"), "JPY": Fraction("1.641304")}
HALF = Fraction(1, 2)


def values_of(events: list[Event]) -> list[tuple[Any, ...]]:
    """The customers of each currency, with the group of each as NumPy divides a list into five."""
    signs = {"payment_captured": 1, "payment_refunded": -1, "payment_charged_back": -1}
    placed: dict[tuple[str, str], tuple[str, int]] = {}
    net: dict[tuple[str, str], int] = defaultdict(int)
    for kind, f in events:
        order = (f["order_id"], f["customer_id"])
        if kind == "order_placed":
            placed[order] = (f["currency"], f["occurred_at_ms"])
        elif kind in signs:
            net[order] += signs[kind] * f["amount_cents"]
    rows = []
    for currency in {currency for currency, _ in placed.values()}:
        customers: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for order, (paid_in, at) in placed.items():
            if paid_in == currency:
                customers[order[1]].append((at, net[order]))
        figures = {
            name: (max(at for at, _ in orders), len(orders), sum(cents for _, cents in orders))
            for name, orders in customers.items()
        }
        scores: dict[str, list[int]] = {name: [] for name in customers}
        for figure in range(3):
            ordered = sorted(customers, key=lambda name: (figures[name][figure], name))
            for group, names in enumerate(np.array_split(np.array(ordered), 5), 1):
                for name in names:
                    scores[name].append(group)
        rows += [(name, currency, *figures[name][1:], *scores[name]) for name in customers]
    return sorted(rows, key=str)


def days_of(days: list[date]) -> list[date]:
    """All days of the months from the first of these days to the last."""
    if not days:
        return []
    months = {(year, month) for year in range(min(days).year, max(days).year + 1) for month in range(1, 13)}
    first, last = ((one.year, one.month) for one in (min(days), max(days)))
    return sorted(
        date(year, month, number)
        for year, month in months
        if first <= (year, month) <= last
        for number in range(1, monthrange(year, month)[1] + 1)
    )
