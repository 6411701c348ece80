"""Tables of uploads: read what a source has sent, fit it to the table's columns, and write it in one commit.

The first rows decide the columns. Each write is one commit of Iceberg, so after a kill it is in the table as a whole or
not at all.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import duckdb
import pyarrow as pa
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.io.pyarrow import schema_to_pyarrow

from shoplake.errors import StoreUnavailable, UsageError
from shoplake.orchestration.shared_steps import bad_rows
from shoplake.query import lake
from shoplake.sinks.lake.tables import TABLE_PROPERTIES

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

    from shoplake.settings import Settings

READERS: Mapping[str, str] = {
    ".csv": "read_csv(?, sample_size = -1, store_rejects = true)",  # types that fit to all rows
    ".jsonl": "read_json(?, format = 'newline_delimited')",
    ".ndjson": "read_json(?, format = 'newline_delimited')",
    ".json": "read_json(?)",
    ".parquet": "read_parquet(?)",
}
LARGEST_BYTES = 256 * 1024 * 1024
"""Largest file: it is read at once, in one commit."""

REJECTED_LINES = """
SELECT line::BIGINT AS row_number, first(split_part(error_message, chr(10), 1)) AS reason, first(csv_line) AS content
FROM reject_errors GROUP BY line ORDER BY line
"""
_AS_TEXT = "CASE json_type({0}) WHEN 'VARCHAR' THEN {0} ->> '$' WHEN 'NULL' THEN NULL ELSE {0}::VARCHAR END"
MEMORY_LIMIT = "1GB"
COMMIT_ATTEMPTS = 10
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
Say = Callable[[str], None]
T = TypeVar("T")


def database(settings: Settings) -> str:
    """The name of the database of uploads."""
    return f"{settings.lake.database}_uploads"


def check_name(table: str) -> None:
    """Check the name of a table.

    Raises:
        UsageError: it is not valid.
    """
    if not NAME.fullmatch(table):
        raise UsageError(f"expected a table named in lower case, with _, found '{table}'")


def read(file: Path, label: str) -> tuple[pa.Table, pa.Table]:
    """The rows of a file, with the types that DuckDB infers.

    Args:
        file: CSV, JSON, JSON lines or Parquet, by its suffix.
        label: its name in messages.

    Returns:
        The rows, and the lines of CSV that have other columns, as `bad_rows.SCHEMA`, numbered by line.

    Raises:
        UsageError: it is too large, has no rows, or is not what its name says.
    """
    if file.stat().st_size > LARGEST_BYTES:
        raise UsageError(f"{label}: expected at most {LARGEST_BYTES >> 20} MB, found {file.stat().st_size >> 20} MB")
    reader = READERS[file.suffix.lower()]
    with duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "threads": 2}) as connection:
        try:
            selected = _selected(connection, reader, file) if "read_json" in reader else "*"
            rows = connection.execute(f"SELECT {selected} FROM {reader}", [str(file)]).to_arrow_table()  # noqa: S608
            bad = connection.execute(REJECTED_LINES).to_arrow_table() if "store_rejects" in reader else None
        except duckdb.Error as error:
            raise UsageError(f"{label}: {str(error).splitlines()[0]}") from error
    if not len(rows):
        raise UsageError(f"{label}: expected rows, found none")
    return rows, bad_rows.SCHEMA.empty_table() if bad is None else bad.cast(bad_rows.SCHEMA)


def _selected(connection: duckdb.DuckDBPyConnection, reader: str, file: Path) -> str:
    """SQL: all columns of a JSON file. A column with numbers and texts, or with objects of any kind, becomes text."""
    columns = connection.execute(f"DESCRIBE FROM {reader}", [str(file)]).fetchall()
    mixed = [bad_rows.quoted(str(row[0])) for row in columns if row[1] == "JSON"]
    texts = ", ".join(f"{_AS_TEXT.format(name)} AS {name}" for name in mixed)
    return f"* REPLACE ({texts})" if mixed else "*"


def wanted(label: str, rows: pa.Table, held: Table, added: tuple[str, ...] = ()) -> pa.Schema:
    """Names and types of the columns of a table, if the rows have these columns.

    Args:
        label: name of the rows in messages.
        rows: as they were read.
        held: the table.
        added: columns of the table that the source does not send.

    Raises:
        UsageError: a column is missing or unknown.
    """
    schema = schema_to_pyarrow(held.schema(), include_field_ids=False)
    found = pa.schema([one for one in schema if one.name not in added])
    if missing := sorted(set(found.names) ^ set(rows.column_names)):
        what = "lacks" if missing[0] in found.names else "has besides them"
        raise UsageError(
            f"{label}: expected the columns {', '.join(found.names)}; it {what} {', '.join(missing)}",
            fix="correct the file, or give the new columns a table of their own",
        )
    return found


def fitted(label: str, rows: pa.Table, held: Table) -> pa.Table:
    """Rows with the columns and the types of a table.

    Raises:
        UsageError: a column is missing or unknown, or a value has another type.
    """
    schema = wanted(label, rows, held)
    try:
        return rows.select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise UsageError(f"{label}: a value does not have the type of its column: {error}") from error


def opened(catalog: Catalog, name: tuple[str, str]) -> Table | None:
    """The table, if there is one."""
    with contextlib.suppress(NoSuchTableError, NoSuchNamespaceError):
        return catalog.load_table(name)
    return None


def created(catalog: Catalog, name: tuple[str, str], schema: pa.Schema) -> Table:
    """A new table with these columns."""
    with contextlib.suppress(NamespaceAlreadyExistsError):
        catalog.create_namespace(name[0])
    return catalog.create_table(name, schema=schema, properties=TABLE_PROPERTIES)


def committed(write: Callable[[], T], refresh: Callable[[], None]) -> T:
    """Write a table, again if another process has written it meanwhile.

    Args:
        write: writes by what was read from the table.
        refresh: reads the table again, before the next attempt.

    Raises:
        StoreUnavailable: that happened each time.
    """
    for attempt in range(COMMIT_ATTEMPTS):
        try:
            return write()
        except (CommitFailedException, TableAlreadyExistsError) as error:
            if attempt == COMMIT_ATTEMPTS - 1:
                raise StoreUnavailable(
                    f"other processes have written the table meanwhile: {error}", fix="run the same command again"
                ) from error
            refresh()
    raise AssertionError  # the last attempt returns or raises


@contextlib.contextmanager
def answering(settings: Settings) -> Iterator[None]:
    """Turn errors of the lake into `StoreUnavailable`."""
    with lake.answering(settings):
        try:
            yield
        except CommitFailedException as error:
            raise StoreUnavailable(
                f"another process has written the table meanwhile: {error}", fix="run the same command again"
            ) from error
