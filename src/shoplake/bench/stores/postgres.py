"""Bare psycopg: the same folded rows, as text beforehand, copied beside the tables and upserted. One connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from shoplake.sinks.postgres.event_columns import TABLES, Table

if TYPE_CHECKING:
    from shoplake.bench.stopwatch import Stopwatch
    from shoplake.settings import Settings
    from shoplake.sinks.base import Batch


def empty(settings: Settings) -> None:
    """Truncate all tables but that of migrations."""
    with psycopg.connect(settings.postgres.conninfo(), autocommit=True) as connection:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'shop' AND tablename <> 'alembic_version'"
        names = [sql.Identifier("shop", name) for (name,) in connection.execute(query)]
        connection.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(names)))


async def write(settings: Settings, batches: Sequence[Batch], watch: Stopwatch) -> None:
    """One transaction per batch."""
    work = [[(table, lines) for table in TABLES if (lines := _lines(table, batch))] for batch in batches]
    with psycopg.connect(settings.postgres.conninfo(), autocommit=True) as connection:
        for table in TABLES:
            connection.execute(
                sql.SQL("CREATE TEMP TABLE {} (LIKE shop.{} INCLUDING DEFAULTS) ON COMMIT DELETE ROWS").format(
                    sql.Identifier(f"bare_{table.name}"), sql.Identifier(table.name)
                )
            )
        watch.start()
        for rows in work:
            _write_batch(connection, rows)
        watch.stop()


def _lines(table: Table, batch: Batch) -> bytes:
    events = batch.events.get(table.topic)
    if events is None or events.is_empty():
        return b""
    rows = table.rows(events).select(table.columns)
    return rows.write_csv(include_header=False, null_value=r"\N", quote_style="non_numeric").encode()


def _write_batch(connection: psycopg.Connection[Any], rows: Sequence[tuple[Table, bytes]]) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        for table, lines in rows:
            columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
            statement = sql.SQL(r"COPY {} ({}) FROM STDIN (FORMAT csv, NULL '\N')").format(
                sql.Identifier("pg_temp", f"bare_{table.name}"), columns
            )
            with cursor.copy(statement) as copy:
                copy.write(lines)
        for table, _ in rows:
            cursor.execute(table.upsert(f"pg_temp.bare_{table.name}").encode())
