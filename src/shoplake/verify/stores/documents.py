"""Documents (of DynamoDB, MongoDB) as rows of text, so that a value of a wrong type is a difference, not a crash."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from shoplake.verify.comparison import Comparison
from shoplake.verify.database import columns

UNKNOWN = "unknown_fields"
REV = "a positive integer"
"""How often an item was written depends on the batches, so that no number is expected of its `rev`."""
TEXT, DATE, MAP, BOOLEAN = "VARCHAR", "DATE", "MAP", "BOOLEAN"
"""What a column may be of, beside a number: DuckDB's own types, and two that are text there."""
JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
CHUNK_ROWS = 5_000


def create_found(cursor: duckdb.DuckDBPyConnection, comparison: Comparison) -> None:
    """The found table of a comparison, empty: the expected columns, as text."""
    definition = ", ".join(f'"{name}" VARCHAR' for name in columns(cursor, comparison.expected))
    cursor.execute(f"CREATE TABLE {comparison.found} ({definition})")


def insert_documents(
    cursor: duckdb.DuckDBPyConnection,
    comparison: Comparison,
    documents: Iterable[Mapping[str, Any]],
    kinds: Mapping[str, str],
) -> None:
    """Append documents; a field's name is the expected column's name. May run in several threads, a cursor each.

    Args:
        cursor: of the database.
        comparison: the table.
        documents: flat.
        kinds: what each expected column is of, in order.
    """
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
    unknown = {name: document[name] for name in document.keys() - kinds.keys()}
    texts: dict[str, str] = {name: as_text(document[name], kind) for name, kind in kinds.items() if name in document}
    if unknown:
        texts[UNKNOWN] = _json(unknown)
    if "rev" in texts:
        texts["rev"] = as_rev(document["rev"])
    return [texts.get(name) for name in kinds]


def as_rev(value: object) -> str:
    """`REV` for a positive integer."""
    return REV if isinstance(value, int) and not isinstance(value, bool) and value > 0 else as_text(value, "BIGINT")


def as_text(value: object, kind: str) -> str:
    """A value as DuckDB prints the expected column; one of another type with its type, as no expected value is."""
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
    """Nested documents as `section.field`, but for those of `whole`; an empty one stays, since it is no absent one."""
    flat: dict[str, Any] = {}
    for name, value in document.items():
        own = repr(name) if "." in name else name  # a field that is called like one of a section is none
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
