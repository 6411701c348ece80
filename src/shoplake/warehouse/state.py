"""The DuckDB file of an environment's warehouse, and the tables in it that say what has been built from what.

The file can be deleted: the next build makes everything again from the lake.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from shoplake import paths, private_files, process_lock
from shoplake.errors import WarehouseError
from shoplake.positions import Positions

MEMORY_LIMIT = "1GB"
THREADS = 2
SCHEMA_SQL = """
CREATE SCHEMA IF NOT EXISTS bronze;
CREATE SCHEMA IF NOT EXISTS silver;
CREATE SCHEMA IF NOT EXISTS gold;
CREATE SCHEMA IF NOT EXISTS build;
CREATE TABLE IF NOT EXISTS build.file (id VARCHAR);
CREATE TABLE IF NOT EXISTS build.models (
    model VARCHAR PRIMARY KEY, build BIGINT, full_build BIGINT, checksum VARCHAR
);
CREATE TABLE IF NOT EXISTS build.builds (
    build BIGINT PRIMARY KEY, positions VARCHAR, topics VARCHAR, project VARCHAR, started_at TIMESTAMP,
    finished_at TIMESTAMP
);
"""


@dataclass(frozen=True, slots=True)
class Build:
    """A run of the models.

    Attributes:
        number: counts from 1.
        positions: up to where the build reads the log.
        topics: the identities of the topics, as JSON; another identity means another log.
        project: the checksum of the dbt project.
        started_at: UTC.
        finished_at: UTC; None if the build did not end.
    """

    number: int
    positions: Positions
    topics: str
    project: str
    started_at: datetime
    finished_at: datetime | None = None


def folder(environment: str) -> Path:
    """The folder with the environment's DuckDB file and dbt's files."""
    return paths.home() / "warehouse" / environment


def database(environment: str) -> Path:
    """The DuckDB file."""
    return folder(environment) / "warehouse.duckdb"


@contextlib.contextmanager
def locked(environment: str) -> Iterator[None]:
    """Exclude other builds of the environment on this machine.

    Raises:
        WarehouseError: another process builds.
    """

    def refused(holder: str) -> WarehouseError:
        return WarehouseError(
            f"{holder} builds the warehouse of {environment}",
            fix="wait until it has ended, then run the same command again",
        )

    with process_lock.held(private_files.folder(folder(environment)) / "lock", refused):
        yield


@contextlib.contextmanager
def opened(environment: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the DuckDB file, and make it if it is not there. dbt has to have closed it.

    Raises:
        WarehouseError: the file is not DuckDB's, or another program has opened it.
    """
    private_files.folder(folder(environment))
    file = database(environment)
    try:
        connection = duckdb.connect(str(file), config={"memory_limit": MEMORY_LIMIT, "threads": THREADS})
    except duckdb.Error as error:
        raise WarehouseError(
            f"{file} could not be opened: {error}",
            fix="close the program that has opened it; a damaged file can be deleted, the next build makes all tables",
        ) from error
    with connection:
        file.chmod(private_files.FILE_MODE)
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(SCHEMA_SQL)
        connection.execute("INSERT INTO build.file SELECT ? WHERE NOT EXISTS (FROM build.file)", [uuid.uuid4().hex])
        yield connection


def file_id(connection: duckdb.DuckDBPyConnection) -> str:
    """Identify the file: build numbers of two files cannot be compared."""
    return str(_value(connection, "SELECT id FROM build.file"))


def last_build(connection: duckdb.DuckDBPyConnection, *, finished: bool = False) -> Build | None:
    """The newest build, or the newest that has ended."""
    rows = connection.execute(
        "SELECT build, positions, topics, project, started_at, finished_at FROM build.builds"
        " WHERE finished_at IS NOT NULL OR NOT ? ORDER BY build DESC LIMIT 1",
        [finished],
    ).fetchall()
    return _build(rows[0]) if rows else None


def positions_read(connection: duckdb.DuckDBPyConnection, topic: str) -> Mapping[int, int]:
    """Partition -> next offset of what the staging model of a topic has read."""
    rows = connection.execute(
        "SELECT positions FROM build.models JOIN build.builds USING (build) WHERE model = ?", [staging_model(topic)]
    ).fetchall()
    return Positions.parse(rows[0][0]).of(topic) if rows else {}


def staging_model(topic: str) -> str:
    """The name of the model that reads a topic's table."""
    return f"stg_{topic}"


def begin(connection: duckdb.DuckDBPyConnection, build: Build) -> None:
    """Record a build before its first model."""
    connection.execute(
        "INSERT INTO build.builds VALUES (?, ?, ?, ?, ?, NULL)",
        [build.number, build.positions.as_json(), build.topics, build.project, build.started_at],
    )


def finish(connection: duckdb.DuckDBPyConnection, build: Build) -> None:
    """Record that all models of a build were built and published. Changes that all models have read are deleted."""
    connection.execute("BEGIN")
    for (table,) in connection.execute(
        "SELECT table_name FROM information_schema.tables"
        " WHERE table_schema = 'build' AND table_name LIKE '%\\_changes' ESCAPE '\\'"
    ).fetchall():
        connection.execute(f'DELETE FROM build."{table}" WHERE build <= ?', [build.number])  # noqa: S608
    connection.execute("DELETE FROM build.builds WHERE build < ? - 100", [build.number])
    connection.execute("UPDATE build.builds SET finished_at = ? WHERE build = ?", [now(), build.number])
    connection.execute("COMMIT")


def forget_models(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the next build build everything."""
    connection.execute("DELETE FROM build.models")


def now() -> datetime:
    """UTC, without a zone, as DuckDB's TIMESTAMP."""
    return datetime.now(UTC).replace(tzinfo=None)


def _build(row: tuple[int, str, str, str, datetime, datetime | None]) -> Build:
    number, positions, topics, project, started_at, finished_at = row
    return Build(number, Positions.parse(positions), topics, project, started_at, finished_at)


def _value(connection: duckdb.DuckDBPyConnection, query: str) -> object:
    found = connection.execute(query).fetchone()
    return found[0] if found else None
