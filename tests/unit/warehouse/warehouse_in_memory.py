"""A warehouse in memory that the real `build` builds, with recorded statements in the place of dbt.

In the place of the DuckDB file is a database in memory, of the lake a prefix of a log, and of the catalogue a
dictionary. A build can be killed before any of the statements that it sends. What then stays is what DuckDB has
committed, as after a real kill: the connection is closed, so its transaction and its temporary tables are gone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from shoplake.warehouse import bronze, dbt_project, publish, state
from shoplake.warehouse import build as building
from shoplake.warehouse.bronze import Source

from .gold_in_memory import GoldCatalog
from .random_log import PARTITIONS, Log
from .recorded_models import Model

Rows = list[tuple[Any, ...]]
SETTINGS: Any = SimpleNamespace(lake=SimpleNamespace(database="lake", warehouse="memory"))
NEVER = 10**9


class Killed(BaseException):
    """The process that builds has been killed."""


@dataclass(slots=True)
class Process:
    """The process of a build, which is killed before a statement. Without that, it lives.

    Attributes:
        statements_left: how many it still sends.
    """

    statements_left: int = NEVER


class Connection:
    """A connection of a process to the database."""

    def __init__(self, database: duckdb.DuckDBPyConnection, process: Process) -> None:
        self._cursor = database.cursor()
        self._process = process
        self._cursor.execute("USE warehouse")
        self._cursor.execute("SET TimeZone = 'UTC'")

    def execute(self, statement: str, parameters: Any = None) -> duckdb.DuckDBPyConnection:
        if self._process.statements_left == 0:
            raise Killed
        self._process.statements_left -= 1
        return self._cursor.execute(statement, parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


class Warehouse:
    """The DuckDB file, the published tables, and the lake of a log that arrives in portions."""

    def __init__(self, log: Log, models: Sequence[Model]) -> None:
        self._lake = {topic: rows.with_columns(occurred_at=None).to_arrow() for topic, rows in log.items()}
        self._log = log
        self._models = models
        self._arrived = dict.fromkeys(log, 0)
        self._process = Process()
        self._catalog = GoldCatalog()
        self._database = duckdb.connect(config={"threads": 1})
        names = "SELECT string_agg(name) FROM duckdb_optimizers()"
        (optimizers,) = self._database.execute(names).fetchall()[0]
        self._database.execute(f"SET GLOBAL disabled_optimizers = '{optimizers}'")
        self._database.execute("ATTACH ':memory:' AS warehouse")
        with self._opened() as connection:
            connection.execute("CREATE SCHEMA warehouse.build; CREATE SCHEMA warehouse.silver")
            connection.execute(state.SCHEMA_SQL)
            connection.execute("INSERT INTO build.file VALUES ('memory')")

    def close(self) -> None:
        self._database.close()

    def arrive(self, arrived: Mapping[str, int]) -> None:
        """Let the lake hold so many records of each topic."""
        self._arrived = dict(arrived)

    def build(self, *, process: Process | None = None, full_refresh: bool = False, select: Sequence[str] = ()) -> None:
        """Build as `shoplake warehouse build` does, in a process that may be killed."""
        self._process = process or Process()
        with pytest.MonkeyPatch.context() as patch:
            for module, name, replacement in self._seams():
                patch.setattr(module, name, replacement)
            building.build(SETTINGS, "memory", lambda text: None, full_refresh=full_refresh, select=select)

    def tables(self) -> dict[str, Rows]:
        """Each table of silver and gold, and each published one: its rows, sorted."""
        names = self._database.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
            " WHERE schema_name IN ('silver', 'gold') ORDER BY ALL"
        ).fetchall()
        found = {name: self._database.execute(f"FROM warehouse.{name} ORDER BY ALL").fetchall() for (name,) in names}
        for (_, name), table in self._catalog.tables.items():
            columns = (column.to_pylist() for column in table.rows.columns)
            found[f"published.{name}"] = sorted(zip(*columns, strict=True), key=repr)
        return found

    def _seams(self) -> list[tuple[Any, str, Callable[..., Any]]]:
        return [
            (dbt_project, "require_dbt", lambda: None),
            (dbt_project, "checksum", lambda: ""),
            (dbt_project, "run", self._run_models),
            (state, "locked", lambda environment: contextlib.nullcontext()),
            (state, "opened", lambda environment: self._opened()),
            (bronze, "pin", lambda settings: self._sources()),
            (bronze.lake, "dataset", lambda table, first_offset: table),
            (publish, "open_catalog", lambda settings: self._catalog),
        ]

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Connection]:
        connection = Connection(self._database, self._process)
        try:
            yield connection
        finally:
            connection.close()

    def _run_models(self, environment: str, select: Sequence[str], progress: Callable[[str], None]) -> None:
        with self._opened() as connection:
            tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
            for model in self._models:
                if not select or model.name in select:
                    model.run(connection, has_table=model.name in tables)

    def _sources(self) -> list[Source]:
        return [self._source(topic) for topic in self._lake]

    def _source(self, topic: str) -> Source:
        count = self._arrived[topic]
        partitions = self._log[topic]["kafka_partition"][:count]
        next_offsets = {partition: int((partitions == partition).sum()) for partition in range(PARTITIONS)}
        return Source(topic, self._lake[topic].slice(0, count), next_offsets, "")  # type: ignore[arg-type]
