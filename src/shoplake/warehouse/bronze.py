"""Reads the lake for a build: pins a snapshot of each table, and copies the events after given places in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError

from shoplake.contract import TOPICS
from shoplake.errors import WarehouseError
from shoplake.positions import Place, Positions
from shoplake.query import lake
from shoplake.sinks.lake.sink import IDENTITY, read_checkpoints
from shoplake.sinks.lake.tables import open_catalog

if TYPE_CHECKING:
    import duckdb
    from pyiceberg.table import Table

    from shoplake.settings import Settings

_TYPES: Mapping[type[pl.DataType], str] = {
    pl.String: "VARCHAR",
    pl.Int64: "BIGINT",
    pl.Boolean: "BOOLEAN",
    pl.Float64: "DOUBLE",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A table of the lake at one snapshot.

    Attributes:
        topic: the topic and the table.
        table: PyIceberg's table; it is not refreshed.
        next_offsets: partition -> the first offset that the snapshot does not hold.
        identity: identity of the topic that filled the table; empty if no sink has stored it.
    """

    topic: str
    table: Table
    next_offsets: Mapping[int, int]
    identity: str


def pin(settings: Settings) -> list[Source]:
    """Take the newest snapshot of each table.

    Raises:
        StoreUnavailable: the catalogue does not answer.
        WarehouseError: the lake has no tables.
    """
    sources = []
    with lake.answering(settings):
        catalog = open_catalog(settings)
        for topic in TOPICS:
            try:
                table = catalog.load_table((settings.lake.database, topic))
            except (NoSuchTableError, NoSuchNamespaceError) as error:
                raise WarehouseError(
                    f"expected a table {topic} in the lake {settings.lake.warehouse}, found none",
                    fix="fill the lake first: `shoplake generate`, `shoplake stream --until-caught-up`",
                ) from error
            offsets = {p: checkpoint.next_offset for p, checkpoint in read_checkpoints(table).items()}
            sources.append(Source(topic, table, offsets, table.properties.get(IDENTITY, "")))
    return sources


def positions(sources: list[Source]) -> Positions:
    """Up to where the pinned snapshots hold the log."""
    return Positions({Place(one.topic, p): offset for one in sources for p, offset in one.next_offsets.items()})


def copy_new_events(
    connection: duckdb.DuckDBPyConnection, settings: Settings, source: Source, read: Mapping[int, int]
) -> int:
    """Replace `bronze.<topic>` by the events of the snapshot after the places that have been read; return their number.

    Args:
        connection: of the warehouse's DuckDB file.
        settings: of the environment.
        source: the pinned table.
        read: partition -> next offset of what has been read.

    Raises:
        StoreUnavailable: the files do not answer.
        QueryRefused: another engine has marked rows as deleted.
    """
    table = f'bronze."{source.topic}"'
    connection.execute(f"CREATE OR REPLACE TABLE {table} ({_columns(source.topic)})")
    unread = {p: read.get(p, 0) for p, end in source.next_offsets.items() if read.get(p, 0) < end}
    if not unread:
        return 0
    with lake.answering(settings):
        connection.register("lake_files", lake.dataset(source.table, first_offset=min(unread.values())))
        places = " OR ".join(f"(kafka_partition = {p} AND kafka_offset >= {start})" for p, start in unread.items())
        try:
            inserted = connection.execute(
                f"INSERT INTO {table} BY NAME SELECT * EXCLUDE (occurred_at) FROM lake_files WHERE {places}"  # noqa: S608
            ).fetchall()
        finally:
            connection.unregister("lake_files")
    return int(inserted[0][0])


def _columns(topic: str) -> str:
    columns = {name: _duckdb_type(kind) for name, kind in TOPICS[topic].columns.items()}
    columns |= {"kafka_partition": "INTEGER", "kafka_offset": "BIGINT"}
    return ", ".join(f'"{name}" {kind}' for name, kind in columns.items())


def _duckdb_type(kind: Any) -> str:  # noqa: ANN401 - polars' dtype or its class
    if isinstance(kind, pl.List):
        return f"{_duckdb_type(kind.inner)}[]"
    if isinstance(kind, pl.Struct):
        fields = ", ".join(f'"{field.name}" {_duckdb_type(field.dtype)}' for field in kind.fields)
        return f"STRUCT({fields})"
    return _TYPES[kind if isinstance(kind, type) else type(kind)]
