"""The DuckDB database of a verification: a file in a temporary folder, with limited memory."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import duckdb

# More data spills to disk, except aggregates of text (`key_ranges.py`).
MEMORY_LIMIT = "192MB"
# Each thread uses memory, mostly in addition to that limit. Another processor reads the log meanwhile.
THREADS = 2


def open_database(folder: Path) -> duckdb.DuckDBPyConnection:
    """Open an empty database with the schemas `expected` and `found`. It spills to `folder`."""
    connection = duckdb.connect(
        str(folder / "verify.duckdb"),
        config={
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": str(folder / "duckdb"),
            "threads": THREADS,
            "preserve_insertion_order": False,
            "enable_external_file_cache": False,  # each file is read a few times, from the page cache
            "allocator_flush_threshold": "16MB",
            "allocator_bulk_deallocation_flush_threshold": "64MB",
            "autoinstall_known_extensions": False,  # only built-in extensions are used; nothing is downloaded
        },
    )
    connection.execute("CREATE SCHEMA expected; CREATE SCHEMA found")
    return connection


def parquet_of(folder: Path) -> str:
    """Return an SQL literal for `read_parquet` that matches all Parquet files of a folder, with any name."""
    return literal(f"{_escaped(folder)}/*.parquet")


def file_name(path: Path) -> str:
    """Escape a file name for DuckDB, which treats every name as a glob pattern."""
    return _escaped(path)


def literal(text: str) -> str:
    """Return a string as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _escaped(path: Path) -> str:
    # A DuckDB pattern cannot contain a backslash, so `?` (any one character) replaces it.
    return re.sub(r"[\[*?]", r"[\g<0>]", str(path)).replace("\\", "?")


def run_sql(cursor: duckdb.DuckDBPyConnection, name: str) -> None:
    """Execute `sql/<name>.sql`."""
    cursor.execute(resources.files("shoplake.verify").joinpath("sql", f"{name}.sql").read_text("utf-8"))


def count(cursor: duckdb.DuckDBPyConnection, relation: str) -> int:
    """Count the rows of a relation."""
    return int(cursor.execute(f"SELECT count(*) FROM {relation}").fetchall()[0][0])  # noqa: S608 - our own names


def columns(cursor: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Column name → DuckDB type, in order."""
    return {row[0]: row[1] for row in cursor.execute(f"DESCRIBE {relation}").fetchall()}
