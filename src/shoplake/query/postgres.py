"""Runs one statement on Postgres in a read-only transaction, and copies single tables for DuckDB."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from shoplake.errors import QueryRefused, StoreUnavailable
from shoplake.query.result import Limits, Result

if TYPE_CHECKING:
    from shoplake.settings import Settings

SCHEMA = "shop"
CONNECT_TIMEOUT_S = 10
COPY_LIMIT_BYTES = 1024**3
NULL = "\\N"
# Postgres' type -> DuckDB's; what is not listed is text.
TYPES = {
    "bigint": "BIGINT",
    "boolean": "BOOLEAN",
    "double precision": "DOUBLE",
    "integer": "INTEGER",
    "smallint": "SMALLINT",
    "timestamp with time zone": "TIMESTAMPTZ",
}


def run(settings: Settings, statement: str, limits: Limits) -> Result:
    """Run one statement; names of the schema `shop` need no prefix.

    Raises:
        QueryRefused: Postgres does not accept the statement, or it would write.
        StoreUnavailable: Postgres does not answer, or the statement takes longer than it may.
    """
    with connected(settings, limits.timeout_s) as connection, connection.cursor() as cursor:
        # `stream` takes one statement only, which cannot end the read-only transaction and write in the next.
        fetched: list[tuple[Any, ...]] = list(islice(cursor.stream(statement.encode()), limits.rows + 1))
        if not fetched:  # then the cursor of a stream knows no columns
            cursor.execute(statement.encode(), prepare=True)  # a prepared statement is one statement, too
        columns = [column.name for column in cursor.description or ()]
    return Result.of(columns, fetched, limits.rows)


def tables(settings: Settings) -> dict[str, dict[str, str]]:
    """Table -> column -> DuckDB's type.

    Raises:
        StoreUnavailable: Postgres does not answer.
    """
    with connected(settings, CONNECT_TIMEOUT_S) as connection:
        return tables_of(connection)


def tables_of(connection: psycopg.Connection[tuple[Any, ...]]) -> dict[str, dict[str, str]]:
    """As `tables`, in the transaction of a connection."""
    found: dict[str, dict[str, str]] = {}
    rows = connection.execute(
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = %s ORDER BY table_name, ordinal_position",
        [SCHEMA],
    )
    for table, column, kind in rows:
        found.setdefault(table, {})[column] = TYPES.get(kind, "VARCHAR")
    return found


def copy_table(settings: Settings, table: str, file: Path, timeout_s: float) -> None:
    """Write a table as CSV, with `NULL` for what is null.

    Raises:
        QueryRefused: the table is too large for a copy.
        StoreUnavailable: Postgres does not answer in time.
    """
    named = sql.Identifier(SCHEMA, table)
    with connected(settings, timeout_s) as connection, connection.cursor() as cursor:
        size = cursor.execute("SELECT pg_total_relation_size(%s::regclass)", [named.as_string()]).fetchone()
        if size and size[0] > COPY_LIMIT_BYTES:
            raise QueryRefused(
                f"expected a table of at most {COPY_LIMIT_BYTES / 1e6:,.0f} MB, {table} has {size[0] / 1e6:,.0f} MB",
                fix="ask Postgres itself: `shoplake query --store postgres '...'`",
            )
        copy = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE *, NULL {})")
        with cursor.copy(copy.format(named, NULL)) as rows, file.open("wb") as target:
            for part in rows:
                target.write(part)


@contextlib.contextmanager
def connected(settings: Settings, timeout_s: float) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection that only reads. What Postgres says against a statement becomes an error of ours.

    Raises:
        QueryRefused: Postgres does not accept a statement.
        StoreUnavailable: it does not answer in time.
    """
    options = f"-c statement_timeout={timeout_s * 1000:.0f} -c search_path={SCHEMA},public -c TimeZone=UTC"
    address = f"{settings.postgres.host}:{settings.postgres.port}"
    try:
        with psycopg.connect(
            settings.postgres.conninfo(), connect_timeout=CONNECT_TIMEOUT_S, options=options
        ) as connection:
            connection.read_only = True
            yield connection
    except psycopg.errors.QueryCanceled as error:
        raise StoreUnavailable(
            f"postgres was not done with the statement after {timeout_s:g} s", fix="allow more with --timeout"
        ) from error
    except psycopg.OperationalError as error:
        raise StoreUnavailable(
            f"postgres at {address} did not answer: {error}", fix="look at `shoplake status`"
        ) from error
    except psycopg.Error as error:
        raise QueryRefused(f"postgres does not accept the statement: {_message(error)}", fix=_hint(error)) from error


def _message(error: psycopg.Error) -> str:
    return "\n".join(str(error).strip().splitlines())


def _hint(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return "a query only reads; events are the way to change a store: `shoplake generate`"
    return error.diag.message_hint or ""
