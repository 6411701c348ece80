"""Read the DynamoDB tables by parallel scans."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import duckdb
import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from shoplake import aws
from shoplake.errors import StoreUnavailable
from shoplake.settings import Settings
from shoplake.verify.comparison import Comparison
from shoplake.verify.database import columns, run_sql
from shoplake.verify.key_ranges import fold_in_shares
from shoplake.verify.report import Finding
from shoplake.verify.stores.documents import MAP, create_found, insert_columns
from shoplake.verify.stores.dynamodb_pages import Pages, plain
from shoplake.verify.stores.dynamodb_removals import expect_removed
from shoplake.verify.stores.dynamodb_structure import check
from shoplake.verify.structure_diff import differing

SESSIONS = Comparison("dynamodb", "sessions", ("pk",))
ORDERS = Comparison("dynamodb", "orders", ("pk", "sk"))
COMPARISONS = (SESSIONS, ORDERS)
SEGMENTS = 4
MAPS = ("cart", "folded")
STATES = ("whole", "filling", "held")


def fold(cursor: duckdb.DuckDBPyConnection) -> None:
    """Create the expected tables."""
    run_sql(cursor, "dynamodb")
    fold_in_shares(cursor, SESSIONS, {"clicks": "session_id"})
    fold_in_shares(cursor, ORDERS, {"orders": "order_id"})


def load(cursor: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> list[Finding]:
    """Fill the found tables.

    Raises:
        StoreUnavailable: DynamoDB does not answer, or has no such table.
    """
    tables = settings.dynamodb
    try:
        client = aws.client("dynamodb", read_timeout_s=60)
        findings = check(client, tables) + _note_generation(cursor, client, tables.checkpoints_table)
        _load_table(cursor, client, SESSIONS, tables.sessions_table, folder)
        _load_table(cursor, client, ORDERS, tables.orders_table, folder)
        return findings
    except (BotoCoreError, ClientError) as error:
        raise StoreUnavailable(
            f"dynamodb tables {tables.sessions_table}, {tables.orders_table} could not be read: {error}",
            fix="`shoplake apply` makes the tables; look at `shoplake status` for the emulator",
        ) from error


def settle(cursor: duckdb.DuckDBPyConnection) -> None:
    """Adjust the expected sessions for items that their TTL removed, and for those created again later."""
    now_s = int(time.time())
    cursor.execute(
        f"DELETE FROM {SESSIONS.expected} WHERE expires_at < ? AND pk NOT IN (SELECT pk FROM {SESSIONS.found})",  # noqa: S608
        [now_s],
    )
    expect_removed(cursor, SESSIONS, now_s)


def repair(cursor: duckdb.DuckDBPyConnection, folder: Path) -> list[Finding]:
    """Do nothing: `load` has read everything."""
    del cursor, folder
    return []


def _note_generation(cursor: duckdb.DuckDBPyConnection, client: Any, table: str) -> list[Finding]:  # noqa: ANN401
    """Set the expected `generation` of every item, and return findings about the rebuild record."""
    note = client.get_item(TableName=table, Key={"pk": {"S": "rebuild-0"}}, ConsistentRead=True).get("Item")
    number = plain(note.get("filling", {})) if note else None
    sound = isinstance(number, int) and number > 0
    cursor.execute(f"SET VARIABLE generation = {number if sound else 'NULL'}")
    if note is None or (sound and note.get("filling_state", {}).get("S") in STATES):
        return []
    return [differing("checkpoints rebuild-0", "number and state of a rebuild", json.dumps(note, default=str))]


class _Taken(threading.local):
    """Pages of items of the scan in this thread, until they are consumed."""

    def __init__(self) -> None:
        self.pages: list[bytes | msgspec.Raw] = []


def _load_table(
    cursor: duckdb.DuckDBPyConnection,
    client: Any,  # noqa: ANN401
    comparison: Comparison,
    table: str,
    folder: Path,
) -> None:
    """Load the segments of the scan in parallel, page by page. DuckDB supports several writers."""
    create_found(cursor, comparison)
    taken = _Taken()
    client.meta.events.register("before-parse.dynamodb.Scan", partial(_take_items, taken), unique_id="pages")
    kinds = columns(cursor, comparison.expected)
    pages = Pages(kinds | {name: MAP for name in MAPS if name in kinds})

    def load_segment(writer: duckdb.DuckDBPyConnection, segment: int) -> None:
        for items in _pages(client, taken, table, segment):
            if not folder.exists():
                return  # the verification was abandoned and waits for its threads
            insert_columns(writer, comparison, pages.columns(items))

    with ThreadPoolExecutor(SEGMENTS, thread_name_prefix=f"scan-{comparison.table}") as pool:
        segments = [pool.submit(load_segment, cursor.cursor(), segment) for segment in range(SEGMENTS)]
    client.meta.events.unregister("before-parse.dynamodb.Scan", unique_id="pages")
    for segment in segments:
        segment.result()


def _pages(client: Any, taken: _Taken, table: str, segment: int) -> Iterator[bytes | msgspec.Raw]:  # noqa: ANN401
    pages = client.get_paginator("scan").paginate(
        TableName=table, Segment=segment, TotalSegments=SEGMENTS, ConsistentRead=True
    )
    for _ in pages:
        while taken.pages:
            yield taken.pages.pop()


def _take_items(taken: _Taken, response_dict: dict[str, Any], **_: object) -> None:
    """Remove the items from a response before botocore parses them, which would take 2/3 of the scan."""
    if response_dict["status_code"] == HTTPStatus.OK:
        body = msgspec.json.decode(response_dict["body"], type=dict[str, msgspec.Raw])
        if (items := body.pop("Items", None)) is not None:
            taken.pages.append(items)
        response_dict["body"] = msgspec.json.encode(body)
