"""A DuckDB database with the datasets of all stores as `<system>.<name>`. A store is read when it is first needed.

Stores are only read. One that does not answer is remembered as such, so that its datasets are unknown and the others
are still checked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import duckdb

from shoplake import stack
from shoplake.environments import LOCAL, services_of
from shoplake.errors import ShoplakeError, StoreUnavailable
from shoplake.positions import Positions
from shoplake.query import lake
from shoplake.verify.database import open_database

if TYPE_CHECKING:
    from shoplake.settings import Settings

MEMORY_LIMIT = "1GB"
UNREADABLE = (duckdb.IOException, duckdb.HTTPException, duckdb.OutOfMemoryException, duckdb.FatalException)


@dataclass(frozen=True, slots=True)
class Table:
    """A dataset that can be read.

    Attributes:
        columns: name -> DuckDB's type, in order.
        positions: up to where the dataset has read its topics; empty if the store does not say.
        topics: the topics that it is made from, as far as its store says.
        of_store: up to where its store has read the log, all topics.
        snapshot: what identifies the state that was read: a snapshot of Iceberg, the build of the warehouse.
        moved: a sink wrote while it was read, so rows after `positions` may be there.
    """

    name: str
    columns: Mapping[str, str]
    positions: Positions = field(default_factory=Positions)
    topics: frozenset[str] = frozenset()
    of_store: Positions = field(default_factory=Positions)
    snapshot: str = ""
    moved: bool = False

    @property
    def sql(self) -> str:
        """The name in SQL."""
        system, _, name = self.name.partition(".")
        return f'{system}."{name}"'


@dataclass(frozen=True, slots=True)
class Loaded:
    """The tables that a reader has made.

    Attributes:
        positions: table -> its positions in the log.
        topics: table -> the topics that it is made from; all of those in its positions if it is not there.
        snapshots: table -> what identifies the state that was read.
        moved: a sink wrote meanwhile.
    """

    positions: Mapping[str, Positions]
    topics: Mapping[str, Collection[str]] = field(default_factory=dict)
    snapshots: Mapping[str, str] = field(default_factory=dict)
    moved: bool = False

    def table(self, name: str, columns: Mapping[str, str]) -> Table:
        """A table of the system, by its full name."""
        short = name.partition(".")[2]
        of_store = self.positions.get(short, Positions())
        topics = frozenset(self.topics.get(short) or (at.topic for at in of_store.next_offsets))
        return Table(
            name, columns, of_store.of_topics(topics), topics, of_store, self.snapshots.get(short, ""), self.moved
        )


class Workspace:
    """The database of one run.

    Attributes:
        connection: DuckDB, with a schema for each system that was read.
        settings: of the environment; None if the caller fills the database.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        settings: Settings | None,
        environment: str,
        progress: Callable[[str], None],
    ) -> None:
        self.connection = connection
        self.settings = settings
        self.environment = environment
        self._folder = folder
        self._progress = progress
        self._systems: dict[str, Loaded | ShoplakeError] = {}
        self._tables: dict[str, Table] = {}

    def table(self, name: str) -> Table:
        """A dataset, by its full name. Its store is read if it was not yet.

        Raises:
            StoreUnavailable, StackError, LogUnavailable, WarehouseError, QueryRefused: the store cannot be read.
            StoreUnavailable: the store has no such dataset.
        """
        if name not in self._tables:
            system = name.partition(".")[0]
            loaded = self._load(system)
            for one in self.names(system):
                full = f"{system}.{one}"
                self._tables[full] = loaded.table(full, self._columns(full))
        if name not in self._tables:
            system, _, short = name.partition(".")
            held = ", ".join(self.names(system)) or "nothing"
            raise StoreUnavailable(f"{system} has no {short}; it has {held}")
        return self._tables[name]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows.

        Raises:
            StoreUnavailable: the files of a table cannot be read.
            duckdb.Error: DuckDB does not accept the statement.
        """
        with lake.answering(self.settings) if self.settings else contextlib.nullcontext():
            try:
                return self.connection.execute(statement).fetchall()
            except UNREADABLE as error:
                raise StoreUnavailable(f"the rows could not be read: {str(error).splitlines()[0]}") from error

    def names(self, system: str) -> list[str]:
        """The datasets of a system that was read."""
        rows = self.connection.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = ? AND table_catalog = current_database() ORDER BY ALL",
            [system],
        ).fetchall()
        return [str(name) for (name,) in rows]

    def read(self, system: str) -> list[str]:
        """Read a store if it was not read yet, and return the names of its datasets.

        Raises:
            StoreUnavailable, StackError, LogUnavailable, WarehouseError, QueryRefused: it cannot be read.
        """
        self._load(system)
        return self.names(system)

    def add(self, system: str, loaded: Loaded | ShoplakeError) -> None:
        """Take the tables of a schema that the caller has made as those of a system, or an error as its answer."""
        self._systems[system] = loaded

    def _load(self, system: str) -> Loaded:
        if system not in self._systems:
            self._systems[system] = self._read(system)
        found = self._systems[system]
        if isinstance(found, ShoplakeError):
            raise found
        return found

    def _read(self, system: str) -> Loaded | ShoplakeError:
        from shoplake.quality.stores import READERS

        if self.settings is None or system not in READERS:
            return StoreUnavailable(f"{system} cannot be read", fix=f"choose from {', '.join(READERS)}")
        reader = READERS[system]
        try:
            if self.environment == LOCAL:  # at once, in place of a client's timeout
                stack.connections(services_of(reader.uses))
            self.connection.execute(f"CREATE SCHEMA {system}")
            loaded = reader.read(self.connection, self.settings, self.environment, self._folder)
        except ShoplakeError as error:
            self._progress(f"{system}: {error.message}")
            return error
        self._progress(f"{system}: {len(loaded.positions)} datasets")
        return loaded

    def _columns(self, name: str) -> Mapping[str, str]:
        system, _, short = name.partition(".")
        rows = self.connection.execute(f'DESCRIBE FROM {system}."{short}"').fetchall()
        return {str(row[0]): str(row[1]) for row in rows}


@contextlib.contextmanager
def opened(
    settings: Settings | None, environment: str, progress: Callable[[str], None] = lambda _: None
) -> Iterator[Workspace]:
    """An empty workspace in a temporary folder, to which what does not fit into memory goes."""
    with TemporaryDirectory(prefix="shoplake-quality-", ignore_cleanup_errors=True) as folder:
        connection = open_database(Path(folder))
        connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'; SET TimeZone = 'UTC'")
        try:
            yield Workspace(connection, Path(folder), settings, environment, progress)
        finally:
            connection.close()
