"""Documents (of DynamoDB, MongoDB) as rows of text, so that a value of a wrong type is a difference, not a crash."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from shoplake.verify.comparison import Comparison
from shoplake.verify.database import columns

BOOKKEEPING = frozenset({"folded", "rev", "generation"})
UNKNOWN = "unknown_fields"
JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
CHUNK_ROWS = 5_000


def create_found(cursor: duckdb.DuckDBPyConnection, comparison: Comparison) -> None:
    """The found table of a comparison, empty: the expected columns, as text."""
    definition = ", ".join(f'"{name}" VARCHAR' for name in columns(cursor, comparison.expected))
    cursor.execute(f"CREATE TABLE {comparison.found} ({definition})")


def insert_documents(
    cursor: duckdb.DuckDBPyConnection, comparison: Comparison, documents: Iterable[Mapping[str, Any]]
) -> None:
    """Append documents; a field's name is the expected column's name. May run in several threads, a cursor each."""
    kinds = columns(cursor, comparison.expected)
    rows: list[list[str | None]] = []
    for document in documents:
        rows.append(as_row(document, kinds))
        if len(rows) == CHUNK_ROWS:
            insert_columns(cursor, comparison, list(zip(*rows, strict=True)))
            rows = []
    if rows:
        insert_columns(cursor, comparison, list(zip(*rows, strict=True)))


def insert_columns(
    cursor: duckdb.DuckDBPyConnection, comparison: Comparison, fields: Sequence[Sequence[str | None]]
) -> None:
    """Append rows, given as a sequence per expected column."""
    chunk = pa.table({f"c{n}": pa.array(field, pa.string()) for n, field in enumerate(fields)})
    cursor.register("chunk", chunk)
    cursor.execute(f"INSERT INTO {comparison.found} SELECT * FROM chunk")  # noqa: S608 - our own names
    cursor.unregister("chunk")


def as_row(document: Mapping[str, Any], kinds: Mapping[str, str]) -> list[str | None]:
    """One document's fields in the order of the columns, as text; what has no column goes to `unknown_fields`."""
    others = document.keys() - kinds.keys() - BOOKKEEPING
    unknown = {name: document[name] for name in others if document[name] is not None}
    return [
        as_text(document.get(name), kind) if name != UNKNOWN else _json(unknown) if unknown else None
        for name, kind in kinds.items()
    ]


def as_text(value: object, kind: str) -> str | None:
    """A value as DuckDB prints the expected column; a string where a number belongs keeps its quotes."""
    if value is None:
        return None
    if isinstance(value, str):
        return value if kind == "VARCHAR" else json.dumps(value, ensure_ascii=False)
    if isinstance(value, datetime):
        return _iso(value)
    if isinstance(value, bool | int):
        return str(value).lower()
    return _json(value)


def flattened(document: Mapping[str, Any]) -> dict[str, Any]:
    """Nested documents as `section.field`; bookkeeping left out."""
    flat: dict[str, Any] = {}
    for name, value in document.items():
        if name in BOOKKEEPING:
            continue
        if isinstance(value, Mapping):
            flat.update({f"{name}.{inner}": v for inner, v in flattened(value).items()})
        else:
            flat[name] = value
    return flat


def _iso(value: datetime) -> str:
    moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(value: object) -> str:
    return JSON.encode(value)
