"""Views of the silver tables in the DuckDB file of the warehouse, which is opened to be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from shoplake.errors import WarehouseError
from shoplake.positions import Positions
from shoplake.quality.workspace import Loaded
from shoplake.warehouse import state

if TYPE_CHECKING:
    from shoplake.settings import Settings


def read_silver(connection: duckdb.DuckDBPyConnection, settings: Settings, environment: str, folder: Path) -> Loaded:
    """Make a view of each silver table.

    Raises:
        WarehouseError: no build has ended, or one is running.
    """
    del settings, folder
    file = state.database(environment)
    if not file.exists():
        raise WarehouseError(f"no warehouse of {environment} was built", fix="run `shoplake warehouse build`")
    with state.locked(environment):  # a build that is running is named
        try:
            escaped = str(file).replace("'", "''")
            connection.execute(f"ATTACH '{escaped}' AS warehouse (READ_ONLY)")
        except duckdb.Error as error:
            raise WarehouseError(f"{file} could not be opened: {error}", fix="close what has opened it") from error
        rows = connection.execute(
            "SELECT model, positions, build FROM warehouse.build.models JOIN warehouse.build.builds USING (build)"
            " JOIN duckdb_tables() AS t ON t.table_name = model"
            " WHERE t.database_name = 'warehouse' AND t.schema_name = 'silver'"
        ).fetchall()
    for name, _, _ in rows:
        connection.execute(f'CREATE VIEW silver."{name}" AS FROM warehouse.silver."{name}"')
    positions = {name: Positions.parse(text) for name, text, _ in rows}
    return Loaded(positions, snapshots={name: f"build {build}" for name, _, build in rows})
