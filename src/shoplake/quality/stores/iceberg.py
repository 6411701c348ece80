"""Views of the lake and of the gold tables: DuckDB reads the columns that a check names from the files in place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pyiceberg.exceptions import NoSuchNamespaceError

from shoplake.errors import WarehouseError
from shoplake.positions import Place, Positions
from shoplake.quality.workspace import Loaded
from shoplake.query import lake
from shoplake.sinks.lake.tables import open_catalog
from shoplake.warehouse import bronze
from shoplake.warehouse.publish import published, published_positions

if TYPE_CHECKING:
    import duckdb
    from pyiceberg.table import Table

    from shoplake.settings import Settings


def read_lake(connection: duckdb.DuckDBPyConnection, settings: Settings, environment: str, folder: Path) -> Loaded:
    """Make a view of each table of the lake, at one snapshot.

    Raises:
        StoreUnavailable: the catalogue does not answer.
        WarehouseError: the lake has no tables.
    """
    del environment, folder
    positions, snapshots = {}, {}
    for source in bronze.pin(settings):
        _attach(connection, settings, "lake", source.topic, source.table)
        offsets = source.next_offsets.items()
        positions[source.topic] = Positions({Place(source.topic, p): offset for p, offset in offsets})
        snapshots[source.topic] = _snapshot(source.table)
    return Loaded(positions, snapshots=snapshots)


def read_gold(connection: duckdb.DuckDBPyConnection, settings: Settings, environment: str, folder: Path) -> Loaded:
    """Make a view of each published gold table.

    Raises:
        StoreUnavailable: the catalogue does not answer.
        WarehouseError: no warehouse was built.
    """
    del environment, folder
    positions, snapshots = {}, {}
    database = lake.gold_database(settings)
    with lake.answering(settings):
        catalog = open_catalog(settings)
        try:
            names = sorted(name for _, name in catalog.list_tables(database))
        except NoSuchNamespaceError as error:
            raise WarehouseError("no warehouse was built", fix="run `shoplake warehouse build`") from error
        for name in names:
            table = catalog.load_table((database, name))
            _attach(connection, settings, "gold", name, table)
            positions[name] = Positions.parse(published_positions(table) or "{}")
            snapshots[name] = f"{_snapshot(table)} of build {published(table).build}"
    return Loaded(positions, snapshots=snapshots)


def _attach(connection: duckdb.DuckDBPyConnection, settings: Settings, schema: str, name: str, table: Table) -> None:
    with lake.answering(settings):
        connection.register(f"{schema}_{name}", lake.dataset(table))
    connection.execute(f'CREATE VIEW {schema}."{name}" AS FROM "{schema}_{name}"')


def _snapshot(table: Table) -> str:
    snapshot = table.current_snapshot()
    return str(snapshot.snapshot_id) if snapshot else ""
