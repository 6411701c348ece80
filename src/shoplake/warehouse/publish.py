"""Publishes gold tables as Iceberg tables in a database of their own, so that any engine reads them.

Each table changes in one commit, whose summary has the build and the positions in the log that its rows speak of. A
commit is refused if the table has changed since it was read, so that of two builds at once only one publishes.
"""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyiceberg.exceptions import CommitFailedException, NamespaceAlreadyExistsError, NoSuchTableError

from shoplake.errors import WarehouseError
from shoplake.query import lake
from shoplake.sinks.lake.tables import TABLE_PROPERTIES, open_catalog
from shoplake.warehouse import state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import duckdb
    import pyarrow as pa
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

    from shoplake.settings import Settings
    from shoplake.warehouse.state import Build

BUILD, FILE, POSITIONS = "shoplake.build", "shoplake.warehouse", "shoplake.positions"


@dataclass(frozen=True, slots=True)
class Published:
    """The DuckDB file and the build of a table's newest snapshot. Of a new table both are empty."""

    file: str = ""
    build: int = 0


def publish(
    connection: duckdb.DuckDBPyConnection, settings: Settings, build: Build, progress: Callable[[str], None]
) -> None:
    """Bring each Iceberg table to this build. Of a table whose rows have not changed, only the summary changes.

    Raises:
        StoreUnavailable: the catalogue or S3 does not answer.
        WarehouseError: another build has published meanwhile.
    """
    with lake.answering(settings):
        catalog = open_catalog(settings)
        with contextlib.suppress(NamespaceAlreadyExistsError):
            catalog.create_namespace(lake.gold_database(settings))
        names = gold_tables(connection)
        for done, name in enumerate(names, 1):
            _publish_table(connection, catalog, (lake.gold_database(settings), name), build)
            progress(f"published {name} ({done} of {len(names)})")


def gold_tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The names of the gold tables, in order."""
    rows = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'gold' ORDER BY table_name"
    ).fetchall()
    return [str(name) for (name,) in rows]


def published(table: Table) -> Published:
    """Read the summary of the newest snapshot."""
    summary = _summary(table)
    return Published(summary.get(FILE, ""), int(summary.get(BUILD, 0)))


def published_positions(table: Table) -> str | None:
    """Positions in the log of the newest snapshot, as JSON. None if another program has written it."""
    return _summary(table).get(POSITIONS)


def _summary(table: Table) -> Mapping[str, str]:
    snapshot = table.current_snapshot()
    return snapshot.summary.additional_properties if snapshot and snapshot.summary else {}


def _publish_table(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, identifier: tuple[str, str], build: Build
) -> None:
    name = identifier[1]
    schema = _rows(connection, name, "LIMIT 0").schema
    try:
        table = catalog.load_table(identifier)
    except NoSuchTableError:
        table = catalog.create_table(identifier, schema=schema, properties=TABLE_PROPERTIES)
    file = state.file_id(connection)
    before = published(table)
    same_rows = before.file == file and not _changed_since(connection, name, before.build)
    summary = {BUILD: str(build.number), FILE: file, POSITIONS: build.positions.as_json()}
    try:
        if table.schema().column_names != schema.names:
            change_columns(table, schema)
            table = catalog.load_table(identifier)
        with table.transaction() as commit:
            if same_rows:
                with commit.update_snapshot(snapshot_properties=summary).fast_append():
                    pass  # a snapshot without files: only the summary changes
            elif table.current_snapshot() is None:
                commit.append(_rows(connection, name), snapshot_properties=summary)
            else:
                commit.overwrite(_rows(connection, name), snapshot_properties=summary)
    except CommitFailedException as error:
        raise WarehouseError(
            f"another build has published {name} meanwhile", fix="run `shoplake warehouse build` again"
        ) from error


def change_columns(table: Table, schema: pa.Schema) -> None:
    """Give a table that an older model has published the columns of today's model, in their order."""
    with table.update_schema(allow_incompatible_changes=True) as update:
        for column in set(table.schema().column_names) - set(schema.names):
            update.delete_column(column)
        update.union_by_name(schema)
        update.move_first(schema.names[0])
        for before, column in itertools.pairwise(schema.names):
            update.move_after(column, before)


def _rows(connection: duckdb.DuckDBPyConnection, name: str, limit: str = "") -> pa.Table:
    return connection.execute(f'FROM gold."{name}" {limit}').to_arrow_table()


def _changed_since(connection: duckdb.DuckDBPyConnection, name: str, build: int) -> bool:
    rows = connection.execute(
        f'SELECT full_build > ? OR EXISTS (FROM build."{name}_changes" WHERE build > ?)'  # noqa: S608 - our own names
        " FROM build.models WHERE model = ?",
        [build, build, name],
    ).fetchall()
    return not rows or bool(rows[0][0])
