"""Read the gold tables of the data warehouse from the Iceberg catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
from botocore.exceptions import ClientError
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchNamespaceError

from shoplake.errors import StoreUnavailable
from shoplake.settings import Settings
from shoplake.verify.comparison import Comparison
from shoplake.verify.database import columns
from shoplake.verify.report import Finding
from shoplake.verify.stores import iceberg_tables
from shoplake.verify.stores.lake import open_catalog
from shoplake.verify.stores.lake_files import Files
from shoplake.verify.stores.warehouse import positions
from shoplake.verify.stores.warehouse.folding import COMPARISONS
from shoplake.verify.structure_diff import compared

POSITIONS_OF = "fct_orders"
"""The table whose positions count if tables differ."""


def gold_database(settings: Settings) -> str:
    """Name of the database of the gold tables in the Iceberg catalogue."""
    return f"{settings.lake.database}_gold"


def is_built(settings: Settings) -> bool:
    """Whether the gold database has at least one table. False if this role may not list the database.

    Raises:
        StoreUnavailable: the catalogue does not answer.
    """
    try:
        return _has_tables(open_catalog(settings), settings)
    except ClientError as error:
        if error.response["Error"]["Code"] == "AccessDeniedException":
            return False  # Glue gives this answer also for a database that does not exist
        raise _unavailable(settings, error) from error
    except (*iceberg_tables.CATALOG_ERRORS, OSError) as error:
        raise _unavailable(settings, error) from error


def load(cursor: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> list[Finding]:
    """Create the found tables as views of the gold tables' files, and store the positions of the build.

    Raises:
        StoreUnavailable: no warehouse was built, or the catalogue or the files do not answer.
    """
    try:
        catalog = open_catalog(settings)
        if not _has_tables(catalog, settings):
            raise StoreUnavailable("no warehouse was built", fix="`shoplake warehouse build`")
        texts: dict[str, str | None] = {}
        findings = []
        for comparison in COMPARISONS:
            files = _files(folder, comparison)
            fetched = iceberg_tables.fetch(cursor, catalog, gold_database(settings), files)
            if fetched is None:
                iceberg_tables.create_empty(cursor, comparison)
            else:
                texts[comparison.table] = positions.read(fetched.table)
                findings += _create_found(cursor, comparison, fetched)
            findings += files.findings
        findings += _check_database(catalog, settings)
    except (*iceberg_tables.CATALOG_ERRORS, OSError) as error:
        raise _unavailable(settings, error) from error
    first = {POSITIONS_OF: texts[POSITIONS_OF]} if POSITIONS_OF in texts else {}
    build, differing = positions.of_build(first | texts)
    positions.store(cursor, build)
    return [*differing, *findings]


def settle(cursor: duckdb.DuckDBPyConnection) -> None:
    """Do nothing: this store needs no adjustment."""
    del cursor


def repair(cursor: duckdb.DuckDBPyConnection, folder: Path) -> list[Finding]:
    """Repair or delete the files that DuckDB could not read, and report them."""
    return iceberg_tables.repair(cursor, (_files(folder, comparison) for comparison in COMPARISONS))


def _check_database(catalog: Catalog, settings: Settings) -> list[Finding]:
    """Report the tables that no fold proves, for example a new mart."""
    listed = {identifier[-1] for identifier in catalog.list_tables(gold_database(settings))}
    unproved = listed - {comparison.table for comparison in COMPARISONS}
    return compared({}, {f"table {name}": "a gold table without a fold of the log" for name in unproved})


def _has_tables(catalog: Catalog, settings: Settings) -> bool:
    try:
        return bool(catalog.list_tables(gold_database(settings)))
    except NoSuchNamespaceError:
        return False


def _unavailable(settings: Settings, error: Exception) -> StoreUnavailable:
    return StoreUnavailable(
        f"warehouse at {settings.lake.warehouse} could not be read: {error}",
        fix="`shoplake apply` creates the buckets and the catalogue; check `shoplake status`",
    )


def _files(folder: Path, comparison: Comparison) -> Files:
    return Files(comparison.table, folder / "warehouse" / comparison.table)


def _create_found(
    cursor: duckdb.DuckDBPyConnection, comparison: Comparison, fetched: iceberg_tables.FetchedTable
) -> list[Finding]:
    """Create the found view. Return findings about the columns: their names, types and order."""
    kinds = columns(cursor, comparison.expected)
    selected = ", ".join(f'"{name}"' for name in kinds if name in fetched.types)
    if selected:
        cursor.execute(f"CREATE VIEW {comparison.found} AS SELECT {selected} FROM {fetched.relation}")  # noqa: S608
    else:
        iceberg_tables.create_empty(cursor, comparison)
    return compared(_described(comparison.table, kinds), _described(comparison.table, fetched.types))


def _described(table: str, kinds: Mapping[str, str]) -> dict[str, str]:
    """Describe the columns, and their order as an item of its own."""
    described = {f"column {name} of {table}": kind for name, kind in kinds.items()}
    return described | {f"order of columns of {table}": ", ".join(kinds)}
