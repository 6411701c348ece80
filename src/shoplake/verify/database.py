"""The DuckDB database that a verification works in: a file in its temporary folder, bounded memory."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import duckdb

# What does not fit goes to the disk, but for aggregates of texts (`key_ranges.py`).
MEMORY_LIMIT = "192MB"
# Each takes memory of its own, most of it beside that limit. One more processor reads the log meanwhile.
THREADS = 2


def open_database(folder: Path) -> duckdb.DuckDBPyConnection:
    """An empty database with the schemas `expected` and `found`; what does not fit in memory goes to `folder`."""
    connection = duckdb.connect(
        str(folder / "verify.duckdb"),
        config={
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": str(folder / "duckdb"),
            "threads": THREADS,
            "preserve_insertion_order": False,
            "enable_external_file_cache": False,  # each file is read a few times, from the system's own cache
            "allocator_flush_threshold": "16MB",
            "allocator_bulk_deallocation_flush_threshold": "64MB",
            "autoinstall_known_extensions": False,  # all that is used is built in; nothing is fetched
        },
    )
    connection.execute("CREATE SCHEMA expected; CREATE SCHEMA found")
    return connection


def parquet_of(folder: Path) -> str:
    """A literal for `read_parquet`: all files of a folder, whatever its name holds."""
    return literal(f"{_escaped(folder)}/*.parquet")


def file_name(path: Path) -> str:
    """One file as DuckDB takes it: it looks for patterns in every name that it is given."""
    return _escaped(path)


def literal(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def _escaped(path: Path) -> str:
    # DuckDB has no way to write a backslash in a pattern, so it stands for any one character.
    return re.sub(r"[\[*?]", r"[\g<0>]", str(path)).replace("\\", "?")


def run_sql(cursor: duckdb.DuckDBPyConnection, name: str) -> None:
    """Execute `sql/<name>.sql`."""
    cursor.execute(resources.files("shoplake.verify").joinpath("sql", f"{name}.sql").read_text("utf-8"))


def count(cursor: duckdb.DuckDBPyConnection, relation: str) -> int:
    """Rows of a relation."""
    return int(cursor.execute(f"SELECT count(*) FROM {relation}").fetchall()[0][0])  # noqa: S608 - our own names


def columns(cursor: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Column name → DuckDB type, in order."""
    return {row[0]: row[1] for row in cursor.execute(f"DESCRIBE {relation}").fetchall()}
