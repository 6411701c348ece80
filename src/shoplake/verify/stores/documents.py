"""Convert DynamoDB and MongoDB documents to rows of text, so that a wrong type is a difference, not a crash."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from shoplake.verify.comparison import Comparison
from shoplake.verify.database import columns

UNKNOWN = "unknown_fields"
REV = "a positive integer"
"""The number of writes of an item depends on the batches, so any positive `rev` is accepted."""
TEXT, DATE, MAP, BOOLEAN = "VARCHAR", "DATE", "MAP", "BOOLEAN"
"""Types of a column, besides numbers. DATE and MAP are text in DuckDB."""
JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
CHUNK_ROWS = 5_000
CHUNKS_AHEAD = 2
T = TypeVar("T")


def create_found(cursor: duckdb.DuckDBPyConnection, comparison: Comparison) -> None:
    """Create the empty found table of a comparison: the expected columns, as text."""
    definition = ", ".join(f'"{name}" VARCHAR' for name in columns(cursor, comparison.expected))
    cursor.execute(f"CREATE TABLE {comparison.found} ({definition})")


def insert_documents(
    cursor: duckdb.DuckDBPyConnection,
    comparison: Comparison,
    documents: Iterable[Mapping[str, Any]],
    kinds: Mapping[str, str],
) -> None:
    """Append documents. Field names are column names. Several threads may call it, each with its own cursor.

    Args:
        cursor: of the database.
        comparison: the table.
        documents: flat.
        kinds: the type of each expected column, in order.
    """
    rows: list[list[str | None]] = []
    for document in documents:
        rows.append(as_row(document, kinds))
        if len(rows) == CHUNK_ROWS:
            insert_columns(cursor, comparison, list(zip(*rows, strict=True)))
            rows = []
    if rows:
        insert_columns(cursor, comparison, list(zip(*rows, strict=True)))


def read_ahead(documents: Iterable[T]) -> Iterator[T]:
    """Iterate in a thread, a few chunks ahead, so that the server sends documents while others are converted.

    Raises:
        Exception: whatever the iteration raises, after the documents before it.
    """
    chunks: queue.Queue[tuple[list[T], Exception | None, bool]] = queue.Queue(CHUNKS_AHEAD)
    stopped = threading.Event()

    def put(chunk: list[T], error: Exception | None, last: bool) -> None:
        while not stopped.is_set():
            with contextlib.suppress(queue.Full):
                chunks.put((chunk, error, last), timeout=0.1)
                return

    def read() -> None:
        chunk: list[T] = []
        try:
            for document in documents:
                chunk.append(document)
                if len(chunk) == CHUNK_ROWS:
                    put(chunk, None, last=False)
                    chunk = []
                if stopped.is_set():
                    return
        except Exception as error:
            put(chunk, error, last=True)
        else:
            put(chunk, None, last=True)

    reader = threading.Thread(target=read, name="read-ahead", daemon=True)
    reader.start()
    try:
        while True:
            chunk, error, last = chunks.get()
            yield from chunk
            if error is not None:
                raise error
            if last:
                return
    finally:
        stopped.set()
        reader.join()


def insert_columns(
    cursor: duckdb.DuckDBPyConnection, comparison: Comparison, fields: Sequence[Sequence[str | None]]
) -> None:
    """Append rows, given as a sequence per expected column."""
    chunk = pa.table({f"c{n}": pa.array(field, pa.string()) for n, field in enumerate(fields)})
    cursor.register("chunk", chunk)
    cursor.execute(f"INSERT INTO {comparison.found} SELECT * FROM chunk")  # noqa: S608 - our own names
    cursor.unregister("chunk")


def as_row(document: Mapping[str, Any], kinds: Mapping[str, str]) -> list[str | None]:
    """Return the fields in the order of the columns, as text. Other fields go to `unknown_fields`."""
    unknown = {name: document[name] for name in document.keys() - kinds.keys()}
    texts: dict[str, str] = {name: as_text(document[name], kind) for name, kind in kinds.items() if name in document}
    if unknown:
        texts[UNKNOWN] = _json(unknown)
    if "rev" in texts:
        texts["rev"] = as_rev(document["rev"])
    return [texts.get(name) for name in kinds]


def as_rev(value: object) -> str:
    """Return `REV` for a positive integer, otherwise the value as text."""
    return REV if isinstance(value, int) and not isinstance(value, bool) and value > 0 else as_text(value, "BIGINT")


def as_text(value: object, kind: str) -> str:
    """Format a value as DuckDB formats the expected column. A wrong type is prefixed with its name, so it differs."""
    if isinstance(value, str) and kind == TEXT:
        return value
    if isinstance(value, datetime) and kind == DATE:
        return _iso(value)
    if isinstance(value, bool) and kind == BOOLEAN:
        return str(value).lower()
    if isinstance(value, int) and not isinstance(value, bool) and kind not in {TEXT, DATE, MAP, BOOLEAN}:
        return str(int(value))
    if isinstance(value, Mapping) and kind == MAP:
        return _json(value)
    return f"{type(value).__name__} {_json(value)}"


def flattened(document: Mapping[str, Any], whole: Collection[str] = ()) -> dict[str, Any]:
    """Flatten nested documents to `section.field`, except those in `whole`. An empty document is kept."""
    flat: dict[str, Any] = {}
    for name, value in document.items():
        own = repr(name) if "." in name else name  # quote a name with a dot: it is not a field of a section
        if isinstance(value, Mapping) and value and name not in whole:
            flat.update({f"{own}.{inner}": v for inner, v in flattened(value).items()})
        else:
            flat[own] = value
    return flat


def _iso(value: datetime) -> str:
    moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(value: object) -> str:
    return JSON.encode(value)
