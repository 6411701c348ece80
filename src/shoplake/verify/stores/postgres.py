"""Read Postgres with COPY, in one snapshot."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

import duckdb
import psycopg
from psycopg import sql

from shoplake.errors import StoreUnavailable
from shoplake.settings import Settings
from shoplake.verify.comparison import Comparison
from shoplake.verify.database import columns, file_name, run_sql
from shoplake.verify.key_ranges import fold_in_shares
from shoplake.verify.report import Finding
from shoplake.verify.stores import postgres_structure
from shoplake.verify.stores.documents import CHUNK_ROWS, insert_columns
from shoplake.verify.structure_diff import compared

SCHEMA = "shop"
FOLDED_FROM = {
    Comparison("postgres", "customers", ("customer_id",)): {"customers": "customer_id"},
    Comparison("postgres", "products", ("product_id",)): {"products": "product_id"},
    Comparison("postgres", "orders", ("order_id", "customer_id")): {"orders": "order_id"},
    Comparison("postgres", "order_items", ("order_id", "customer_id", "line_no")): {"orders": "order_id"},
    Comparison("postgres", "payments", ("payment_id", "customer_id")): {"orders": "payment_id"},
    Comparison("postgres", "shipments", ("shipment_id", "customer_id")): {"orders": "shipment_id"},
    Comparison("postgres", "inventory", ("product_id", "warehouse_id")): {"inventory": "product_id"},
    Comparison("postgres", "reviews", ("review_id", "product_id")): {"reviews": "review_id"},
}
"""Table -> source topic -> column that the fold groups by."""
COMPARISONS = tuple(FOLDED_FROM)
STATEMENT_TIMEOUT_MS = 300_000
NULL = "\\N"


def fold(cursor: duckdb.DuckDBPyConnection) -> None:
    """Create the expected tables."""
    run_sql(cursor, "postgres")
    for comparison, keys in FOLDED_FROM.items():
        fold_in_shares(cursor, comparison, keys)


def load(cursor: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> list[Finding]:
    """Fill the found tables through CSV files in `folder`.

    Raises:
        StoreUnavailable: Postgres does not answer, or no migration has run.
    """
    try:
        with psycopg.connect(
            settings.postgres.conninfo(),
            connect_timeout=10,
            options=f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c TimeZone=UTC -c DateStyle=ISO",
        ) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            found = postgres_structure.read(connection)
            if not found:
                raise StoreUnavailable("postgres has no schema shop", fix="`shoplake up` applies the migrations")
            expected = postgres_structure.expected()
            for comparison in COMPARISONS:
                _load_table(cursor, connection, comparison, folder, expected, found)
            return compared(expected, found)
    except psycopg.Error as error:
        raise StoreUnavailable(
            f"postgres at {settings.postgres.host}:{settings.postgres.port} could not be read: {error}",
            fix="check `shoplake status`; `shoplake up` starts servers that are down",
        ) from error


def settle(cursor: duckdb.DuckDBPyConnection) -> None:
    """Do nothing: this store needs no adjustment."""
    del cursor


def repair(cursor: duckdb.DuckDBPyConnection, folder: Path) -> list[Finding]:
    """Do nothing: `load` has read everything."""
    del cursor, folder
    return []


def _load_table(
    cursor: duckdb.DuckDBPyConnection,
    connection: psycopg.Connection[tuple[object, ...]],
    comparison: Comparison,
    folder: Path,
    expected: Mapping[str, str],
    found: Mapping[str, str],
) -> None:
    """Load a table without its missing columns. If a type or value does not fit, load all columns as text."""
    names = {name: f"column {comparison.table}.{name}" for name in columns(cursor, comparison.expected)}
    kinds = {name: kind for name, kind in columns(cursor, comparison.expected).items() if names[name] in found}
    if not kinds:
        cursor.execute(f"CREATE TABLE {comparison.found} AS FROM {comparison.expected} LIMIT 0")
        return None
    if all(expected.get(names[name]) == found[names[name]] for name in kinds):
        with contextlib.suppress(duckdb.ConversionException, duckdb.InvalidInputException):
            return _load_typed(cursor, connection, comparison, folder, kinds)
    return _load_text(cursor, connection, comparison, kinds)


def _load_typed(
    cursor: duckdb.DuckDBPyConnection,
    connection: psycopg.Connection[tuple[object, ...]],
    comparison: Comparison,
    folder: Path,
    kinds: Mapping[str, str],
) -> None:
    fields = sql.SQL(", ").join(_selected(name, kind) for name, kind in kinds.items())
    copy = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT csv, NULL {})").format(
        fields, sql.Identifier(SCHEMA, comparison.table), sql.Literal(NULL)
    )
    path = folder / f"{comparison.table}.csv"
    with path.open("wb") as file, connection.cursor().copy(copy) as blocks:
        for block in blocks:
            file.write(block)
    # Quoted values may contain line breaks, which the parallel reader does not support.
    cursor.execute(
        f"CREATE TABLE {comparison.found} AS SELECT * FROM read_csv(?, columns=?, header=false, auto_detect=false,"  # noqa: S608
        " delim=',', quote='\"', escape='\"', nullstr=?, allow_quoted_nulls=false, parallel=false)",
        [file_name(path), dict(kinds), NULL],
    )
    path.unlink()


def _load_text(
    cursor: duckdb.DuckDBPyConnection,
    connection: psycopg.Connection[tuple[object, ...]],
    comparison: Comparison,
    kinds: Mapping[str, str],
) -> None:
    """Load all columns as text. It is slower, but accepts every value of Postgres, such as a date before Christ."""
    definition = ", ".join(f'"{name}" VARCHAR' for name in kinds)
    cursor.execute(f"CREATE TABLE {comparison.found} ({definition})")
    fields = sql.SQL(", ").join(
        sql.SQL("{}::text").format(sql.Identifier(name)) if kind != "TIMESTAMP" else _utc_text(name)
        for name, kind in kinds.items()
    )
    with connection.cursor(name=f"text_of_{comparison.table}") as rows:
        rows.itersize = CHUNK_ROWS
        rows.execute(sql.SQL("SELECT {} FROM {}").format(fields, sql.Identifier(SCHEMA, comparison.table)))
        while chunk := rows.fetchmany(CHUNK_ROWS):
            insert_columns(cursor, comparison, list(zip(*chunk, strict=True)))


def _selected(name: str, kind: str) -> sql.Composable:
    column = sql.Identifier(name)
    return sql.SQL("{} AT TIME ZONE 'UTC'").format(column) if kind == "TIMESTAMP" else column


def _utc_text(name: str) -> sql.Composable:
    """Format a time as DuckDB does. A column of another type keeps the format of Postgres."""
    return sql.SQL("regexp_replace({}::text, '[+]00$', '')").format(sql.Identifier(name))
