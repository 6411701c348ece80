"""Read Iceberg tables into DuckDB: what the lake and the warehouse have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from botocore.exceptions import BotoCoreError, ClientError
from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError
from sqlalchemy.exc import SQLAlchemyError

from shoplake.verify.comparison import Comparison
from shoplake.verify.database import literal, parquet_of
from shoplake.verify.report import Finding
from shoplake.verify.stores.lake_files import ADDRESSES, Files
from shoplake.verify.structure_diff import differing

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

CATALOG_ERRORS = (BotoCoreError, ClientError, SQLAlchemyError)
"""The catalogue does not answer, or it refuses the request."""


@dataclass(frozen=True, slots=True)
class FetchedTable:
    """One table whose files are in a local folder.

    Attributes:
        table: from the catalogue.
        folder: the local folder.
        types: column -> DuckDB type.
    """

    table: Table
    folder: Path
    types: Mapping[str, str]

    @property
    def relation(self) -> str:
        """The files as a DuckDB relation. Columns are matched by Iceberg field id, not by name."""
        fields = ", ".join(
            f"{field.field_id}: {{name: {literal(field.name)}, type: '{self.types[field.name]}', default_value: NULL}}"
            for field in self.table.schema().fields
        )
        return f"read_parquet({parquet_of(self.folder)}, schema = MAP {{{fields}}})"


def fetch(cursor: duckdb.DuckDBPyConnection, catalog: Catalog, database: str, files: Files) -> FetchedTable | None:
    """Download a table. Returns None if there is none, or if its metadata is unreadable: a finding of `files`.

    Iceberg's metadata lists the files, and DuckDB reads them: PyIceberg needs three milliseconds per file. To copy the
    rows into DuckDB tables would take four times as long.

    Raises:
        OSError: the file store does not answer. Also `CATALOG_ERRORS`.
    """
    try:
        table = catalog.load_table((database, files.topic))
        empty = files.fetch(table)
    except (NoSuchTableError, NoSuchNamespaceError):
        return None
    except CATALOG_ERRORS:
        raise
    except Exception as error:  # metadata and manifests are JSON and Avro files with any content
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
            raise  # the file store does not answer
        why = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no further message'}"
        files.findings.append(differing(f"table {files.topic}", "metadata that can be read", why))
        return None
    return FetchedTable(table, files.folder, _types(cursor, empty))


def create_empty(cursor: duckdb.DuckDBPyConnection, comparison: Comparison) -> None:
    """Create the found table of a table that does not exist."""
    cursor.execute(f"CREATE TABLE {comparison.found} AS SELECT * FROM {comparison.expected} LIMIT 0")  # noqa: S608


def repair(cursor: duckdb.DuckDBPyConnection, all_files: Iterable[Files]) -> list[Finding]:
    """Repair or delete the files that DuckDB could not read, and report them."""
    fetched = [files for files in all_files if files.folder.joinpath(ADDRESSES).exists()]
    return [finding for files in fetched for finding in files.repair(cursor)]


def _types(cursor: duckdb.DuckDBPyConnection, empty: pa.Table) -> dict[str, str]:
    cursor.register("empty", empty)
    types = {name: kind for name, kind, *_ in cursor.execute("DESCRIBE empty").fetchall()}
    cursor.unregister("empty")
    return types
