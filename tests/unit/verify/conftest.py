"""Folds hand-written events: a log in Python, the tables that verify expects out of DuckDB."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from shoplake.contract import TOPICS, partitions_of
from shoplake.contract.history import History
from shoplake.verify import key_ranges, stores
from shoplake.verify.database import columns, open_database, run_sql
from shoplake.verify.event_tables import Spill, spill_chunk
from shoplake.verify.log_reader import Records
from shoplake.verify.stores.warehouse import positions as build_positions

Event = dict[str, Any]
Rows = list[dict[str, Any]]
Fold = Callable[..., Rows]
START_MS = 1_704_067_200_000  # 2024-01-01T00:00Z

CUSTOMER = {
    "name": "Ada",
    "email": "ada@example.org",
    "segment": "regular",
    "street": "1 Mill Lane",
    "postcode": "AB1",
    "city": "Leeds",
    "country": "GB",
    "currency": "GBP",
    "marketing_opt_in": True,
}
PLACED = {
    "order_id": "o1",
    "customer_id": "c1",
    "session_id": "s1",
    "currency": "GBP",
    "lines": [
        {"product_id": "p1", "quantity": 2, "unit_price_cents": 100},
        {"product_id": "p2", "quantity": 3, "unit_price_cents": 50},
    ],
    "subtotal_cents": 350,
    "discount_cents": 10,
    "shipping_cents": 5,
    "tax_cents": 7,
    "total_cents": 352,
}


SESSION = {"session_id": "s1", "customer_id": None, "device": "mobile", "referrer": "search", "campaign": None}


def added(product: str, quantity: int, price: int, **more: str) -> tuple[str, dict[str, Any]]:
    fields = {"session_id": "s1", "product_id": product, "quantity": quantity, "unit_price_cents": price}
    return "cart_item_added", fields | more


def minute(n: int) -> datetime:
    """A minute after `START_MS`, as DuckDB returns it."""
    return datetime(2024, 1, 1) + timedelta(minutes=n)


def records_of(
    values: Sequence[bytes],
    *,
    keys: Sequence[bytes] | None = None,
    partition_count: int = 1,
    first_offset: int = 0,
) -> Records:
    """One topic's records, each in its key's partition; every third offset is skipped, as markers would."""
    offsets = list(itertools.islice((n for n in itertools.count(first_offset) if n % 3 != 2), len(values)))
    keys = keys or [b"k"] * len(values)
    return Records(
        partition_count=partition_count,
        partition=partitions_of(keys, partition_count).tolist(),
        offset=offsets,
        timestamp_ms=[START_MS] * len(values),
        key=list(keys),
        value=list(values),
        replay_of=[None] * len(values),
    )


class Folder:
    """A log, and the DuckDB database with its views."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spill = Spill(folder / "spill")
        self.database = open_database(folder)
        self._events = itertools.count()

    def log(
        self, topic: str, *events: tuple[str, Event] | bytes, partition_count: int = 1, first_offset: int = 0
    ) -> None:
        """Append events as (type, fields); an event id and a time a minute apart are filled in. The key is the field
        that the topic wants, `k` for bytes.
        """
        values = [event if isinstance(event, bytes) else self._encoded(*event) for event in events]
        field = TOPICS[topic].key
        keys = [b"k" if isinstance(event, bytes) else str(event[1].get(field)).encode() for event in events]
        records = records_of(values, keys=keys, partition_count=partition_count, first_offset=first_offset)
        spill_chunk(self.spill, {topic: records}, History.of_own())

    def expect(self, store: str) -> None:
        """Run the store's fold."""
        self.spill.create_views(self.database)
        run_sql(self.database, "common")
        self.run(store)

    def expect_build(self, positions: build_positions.Positions) -> None:
        """Run the fold of a warehouse that was built up to these positions."""
        build_positions.create_table(self.database)
        build_positions.store(self.database, positions)
        self.expect("warehouse")

    def run(self, store: str) -> None:
        """One more store's fold."""
        stores.store(store).fold(self.database)

    def rows(self, table: str) -> Rows:
        """An expected table, ordered, a dict per row."""
        names = list(columns(self.database, f'expected."{table}"'))
        fetched = self.database.execute(f'SELECT * FROM expected."{table}" ORDER BY ALL').fetchall()
        return [dict(zip(names, row, strict=True)) for row in fetched]

    def _encoded(self, event_type: str, fields: Event) -> bytes:
        n = next(self._events)
        envelope = {"type": event_type, "event_id": f"e{n}", "occurred_at_ms": START_MS + n * 60_000}
        return msgspec.json.encode(envelope | fields)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    log = Folder(tmp_path)
    with log.database:
        yield log


@pytest.fixture(params=[key_ranges.KEYS_AT_ONCE, 1], ids=["at once", "in shares"])
def keys_at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test twice: all keys together, and each in a share of its own."""
    monkeypatch.setattr(key_ranges, "KEYS_AT_ONCE", request.param)


@pytest.fixture
def fold(folder: Folder) -> Callable[..., Rows]:
    """fold(table, topic={...}) → the rows that verify expects."""

    def run(table: str, **topics: list[tuple[str, Event]]) -> Rows:
        for topic, events in topics.items():
            folder.log(topic, *events)
        folder.expect("dead_letters" if table.startswith("dead_letters") else table.split("_")[0])
        return folder.rows(table)

    return run


WHOLE_LOG: build_positions.Positions = {topic: dict.fromkeys(range(6), 10**9) for topic in TOPICS}
"""Positions of a build that has read every event."""


@pytest.fixture
def gold(folder: Folder) -> Callable[..., Rows]:
    """gold(table, topic=[...]) → the rows that verify expects in a gold table after a build of the whole log."""

    def run(table: str, **topics: list[tuple[str, Event]]) -> Rows:
        for topic, events in topics.items():
            folder.log(topic, *events)
        folder.expect_build(WHOLE_LOG)
        return folder.rows(f"warehouse_{table}")

    return run


@pytest.fixture
def database(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_database(tmp_path) as connection:
        yield connection
