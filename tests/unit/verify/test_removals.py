"""A session that its TTL removed and a later event brought back: what the sink leaves of it is accepted, no other."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.example_counts import examples
from tests.unit.sinks.small_log import frame

from shoplake.sinks.dynamodb.items import PARTS, SESSION_RETENTION_S
from shoplake.sinks.dynamodb.wire_format import attributes
from shoplake.sinks.keyed import Item, Key, fold_items
from shoplake.verify.comparison import compare
from shoplake.verify.database import columns
from shoplake.verify.report import StoreResult
from shoplake.verify.stores import dynamodb
from shoplake.verify.stores.documents import MAP, create_found, insert_columns
from shoplake.verify.stores.dynamodb_pages import Pages

from .conftest import Folder

NOW_MS = int(time.time()) * 1000
DAY_MS = 86_400_000
RETENTION_MS = SESSION_RETENTION_S * 1000
Event = tuple[str, dict[str, Any]]

ADDED = {"product_id": "p1", "quantity": 2, "unit_price_cents": 5, "currency": "EUR"}
events = st.lists(
    st.tuples(
        st.sampled_from(
            [
                ("session_started", {"device": "mobile", "referrer": "search"}),
                ("page_viewed", {"page": "home"}),
                ("cart_item_added", ADDED),
                ("cart_item_removed", {"product_id": "p1"}),
                ("checkout_started", {}),
            ]
        ),
        st.integers(-3, 3).filter(bool),
    ),
    min_size=1,
    max_size=7,
).map(lambda drawn: [at(days, kind, **fields) for (kind, fields), days in drawn])


def at(days: int, kind: str, **fields: Any) -> Event:
    """An event so many days after the last moment at which what it made would have expired by now."""
    return kind, {"session_id": "s1", "occurred_at_ms": NOW_MS - RETENTION_MS + days * DAY_MS} | fields


def made_of(rows: list[pl.DataFrame]) -> dict[Key, Item]:
    """What the sink makes of these events, each in a batch of its own."""
    items: dict[Key, Item] = {}
    for row in rows:
        items |= fold_items(row, PARTS[0], items)
    return items


def said(log: list[Event], found_from: int) -> list[Item]:
    """The same without how often it was written."""
    rows = [frame("clicks", one, first_offset=n) for n, one in enumerate(log)]
    return [item | {"rev": 0} for item in made_of(rows[found_from:]).values()]


def verified(log: list[Event], found_from: int) -> StoreResult:
    """What verify says of the log where the store holds what the sink made of the events from this one on."""
    with tempfile.TemporaryDirectory() as path:
        folder = Folder(Path(path))
        with folder.database as database:
            folder.log("clicks", *log)
            folder.expect("dynamodb")
            offsets = [n for (n,) in database.execute("SELECT kafka_offset FROM ev_clicks ORDER BY 1").fetchall()]
            rows = [frame("clicks", one, first_offset=offset) for one, offset in zip(log, offsets, strict=True)]
            items = made_of(rows[found_from:])
            kinds = columns(database, dynamodb.SESSIONS.expected)
            page = [attributes({"pk": key} | item) for (key,), item in items.items()]
            create_found(database, dynamodb.SESSIONS)
            text = Pages(kinds | {name: MAP for name in dynamodb.MAPS if name in kinds}).columns(
                msgspec.json.encode(page)
            )
            insert_columns(database, dynamodb.SESSIONS, text)
            dynamodb.settle(database)
            return compare(database, dynamodb.SESSIONS)


@settings(max_examples=examples(4, 10), deadline=None, suppress_health_check=list(HealthCheck))
@given(log=events, data=st.data())
def test_an_item_is_accepted_where_a_removal_could_have_made_it_and_nowhere_else(
    log: list[Event], data: st.DataObject
) -> None:
    removed_before = data.draw(st.integers(0, len(log)))
    expired = [event["occurred_at_ms"] < NOW_MS - RETENTION_MS for _, event in log]
    possible = [said(log, cut) for cut in range(len(log) + 1) if all(expired[:cut])]
    assert verified(log, removed_before).ok == (said(log, removed_before) in possible)


def test_half_a_session_that_had_not_expired_differs() -> None:
    log = [at(1, "session_started", device="mobile", referrer="search"), at(2, "checkout_started")]
    assert verified(log, 1).differing == 1


@pytest.mark.parametrize("days", [-2, 2])
def test_a_session_that_an_event_brought_back_is_exact(days: int) -> None:
    log = [at(-3, "cart_item_added", **ADDED), at(-3, "cart_item_removed", product_id="p1")]
    log += [at(days, "page_viewed", page="home")]
    assert verified(log, 2).ok
