"""Copies the tables of the schema `shop`, with the sink's checkpoints, in one snapshot of Postgres."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from shoplake.errors import StoreUnavailable
from shoplake.positions import Place, Positions
from shoplake.quality.workspace import Loaded
from shoplake.query.postgres import CONNECT_TIMEOUT_S, NULL, SCHEMA, tables_of
from shoplake.verify.stores.postgres import FOLDED_FROM

if TYPE_CHECKING:
    import duckdb

    from shoplake.settings import Settings

STATEMENT_TIMEOUT_MS = 300_000


def read_postgres(connection: duckdb.DuckDBPyConnection, settings: Settings, environment: str, folder: Path) -> Loaded:
    """Make a table for each table of the schema `shop`.

    Raises:
        StoreUnavailable: Postgres does not answer, or has no such schema.
    """
    del environment
    options = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c TimeZone=UTC"
    try:
        with psycopg.connect(
            settings.postgres.conninfo(), connect_timeout=CONNECT_TIMEOUT_S, options=options
        ) as source:
            source.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            source.read_only = True
            tables = tables_of(source)
            if not tables:
                raise StoreUnavailable(f"postgres has no schema {SCHEMA}", fix="`shoplake up` applies the migrations")
            for name, columns in tables.items():
                _copy(connection, source, name, columns, folder)
    except psycopg.Error as error:
        raise StoreUnavailable(
            f"postgres at {settings.postgres.host}:{settings.postgres.port} could not be read: {error}",
            fix="look at `shoplake status`; `shoplake up` starts servers that are down",
        ) from error
    read = connection.execute("SELECT topic, partition, next_offset FROM postgres.checkpoints WHERE topic <> 'rebuild'")
    positions = Positions({Place(topic, p): offset for topic, p, offset in read.fetchall()})
    topics = {comparison.table: tuple(source) for comparison, source in FOLDED_FROM.items()}
    return Loaded(dict.fromkeys(tables, positions), topics)


def _copy(
    connection: duckdb.DuckDBPyConnection,
    source: psycopg.Connection[tuple[object, ...]],
    name: str,
    columns: dict[str, str],
    folder: Path,
) -> None:
    file = folder / f"postgres-{name}.csv"
    copy = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT (FORMAT csv, FORCE_QUOTE *, NULL {})")
    try:
        with source.cursor().copy(copy.format(sql.Identifier(SCHEMA, name), NULL)) as blocks, file.open("wb") as target:
            for block in blocks:
                target.write(block)
        connection.execute(
            f'CREATE TABLE postgres."{name}" AS FROM read_csv(?, header = false, columns = ?, nullstr = ?,'
            " delim = ',', quote = '\"', escape = '\"', auto_detect = false, parallel = false)",
            [str(file), columns, NULL],
        )
    finally:
        file.unlink(missing_ok=True)
