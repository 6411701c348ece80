"""What Postgres holds, by COPY, in one snapshot."""

from __future__ import annotations

from pathlib import Path

import duckdb
import psycopg
from psycopg import sql

from shoplake.errors import StoreUnavailable
from shoplake.settings import Settings
from shoplake.verify.comparison import Comparison
from shoplake.verify.database import columns, file_name, run_sql
from shoplake.verify.shares import fold_in_shares

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
"""Table -> topic -> its column of what the table is folded by."""
COMPARISONS = tuple(FOLDED_FROM)
STATEMENT_TIMEOUT_MS = 300_000
NULL = "\\N"


def fold(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make the expected tables."""
    run_sql(cursor, "postgres")
    for comparison, keys in FOLDED_FROM.items():
        fold_in_shares(cursor, comparison, keys)


def load(cursor: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> None:
    """Fill the found tables, by way of CSV files in `folder`.

    Raises:
        StoreUnavailable: Postgres does not answer, or has no such table.
    """
    try:
        with psycopg.connect(
            settings.postgres.conninfo(),
            connect_timeout=10,
            options=f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c TimeZone=UTC -c DateStyle=ISO",
        ) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            for comparison in COMPARISONS:
                _load_table(cursor, connection, comparison, folder)
    except psycopg.errors.UndefinedTable as error:
        raise StoreUnavailable(
            f"postgres lacks a table: {error}", fix="`shoplake up` applies the migrations"
        ) from error
    except psycopg.Error as error:
        raise StoreUnavailable(
            f"postgres at {settings.postgres.host}:{settings.postgres.port} could not be read: {error}",
            fix="look at `shoplake status`; `shoplake up` starts what is down",
        ) from error


def settle(cursor: duckdb.DuckDBPyConnection) -> None:
    """Nothing to settle."""
    del cursor


def _load_table(
    cursor: duckdb.DuckDBPyConnection,
    connection: psycopg.Connection[tuple[object, ...]],
    comparison: Comparison,
    folder: Path,
) -> None:
    kinds = columns(cursor, comparison.expected)
    fields = sql.SQL(", ").join(_selected(name, kind) for name, kind in kinds.items())
    copy = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT csv, NULL {})").format(
        fields, sql.Identifier(SCHEMA, comparison.table), sql.Literal(NULL)
    )
    path = folder / f"{comparison.table}.csv"
    with path.open("wb") as file, connection.cursor().copy(copy) as blocks:
        for block in blocks:
            file.write(block)
    # Quoted values may hold line breaks, which the parallel reader does not take.
    cursor.execute(
        f"CREATE TABLE {comparison.found} AS SELECT * FROM read_csv(?, columns=?, header=false, auto_detect=false,"  # noqa: S608
        " delim=',', quote='\"', escape='\"', nullstr=?, allow_quoted_nulls=false, parallel=false)",
        [file_name(path), kinds, NULL],
    )
    path.unlink()


def _selected(name: str, kind: str) -> sql.Composable:
    column = sql.Identifier(name)
    return sql.SQL("{} AT TIME ZONE 'UTC'").format(column) if kind == "TIMESTAMP" else column
