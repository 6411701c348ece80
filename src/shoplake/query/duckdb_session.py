"""A DuckDB in memory with stores as schemas: `lake` is read in place, tables of `postgres` are copied when needed."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import duckdb

from shoplake.errors import QueryRefused, StoreUnavailable
from shoplake.query import lake, postgres
from shoplake.query.result import Limits, Result

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.dataset import Dataset

    from shoplake.settings import Settings

MEMORY_LIMIT = "512MB"
THREADS = 2
BATCH_ROWS = 1000
LAKE, GOLD, POSTGRES = "lake", "gold", "postgres"
LAKE_FIRST = f"main,{LAKE},{POSTGRES}"


class Session:
    """Runs statements on the stores. Nothing that it does reaches them: lake and Postgres are only read."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path, settings: Settings, limits: Limits) -> None:
        self._connection = connection
        self._folder = folder
        self._settings = settings
        self._limits = limits
        self._of_postgres: dict[str, dict[str, str]] = {}

    def attach_lake(self) -> None:
        """Make the views of the lake.

        Raises:
            StoreUnavailable: the lake does not answer.
        """
        self.attach(LAKE, lake.tables(self._settings))

    def attach_gold(self) -> None:
        """Make the views of the warehouse's gold tables.

        Raises:
            StoreUnavailable: the lake does not answer.
            QueryRefused: no warehouse was built.
        """
        self.attach(GOLD, lake.gold_tables(self._settings))

    def attach(self, schema: str, tables: Iterator[tuple[str, Dataset]]) -> None:
        """Make a view of each table in a new schema."""
        self._connection.execute(f"CREATE SCHEMA {schema}")
        for name, dataset in tables:
            self._connection.register(f"{schema}_{name}", dataset)
            self._connection.execute(f'CREATE VIEW {schema}."{name}" AS FROM "{schema}_{name}"')

    def attach_postgres(self) -> None:
        """Make tables like those of Postgres, still empty.

        Raises:
            StoreUnavailable: Postgres does not answer.
        """
        self._of_postgres = postgres.tables(self._settings)
        self._connection.execute(f"CREATE SCHEMA {POSTGRES}")
        for name, columns in self._of_postgres.items():
            listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            self._connection.execute(f'CREATE TABLE {POSTGRES}."{name}" ({listed})')

    def prefer(self, *schemas: str) -> None:
        """Look names without a prefix up in these schemas, in this order, after what the user has made."""
        self._connection.execute(f"SET search_path = '{','.join(('main', *schemas))}'")

    def run(self, statement: str) -> Result:
        """Run one statement.

        Raises:
            QueryRefused: DuckDB does not accept it.
            StoreUnavailable: a store does not answer, or the statement takes longer than it may.
        """
        with self._bounded():
            self._copy_from_postgres(statement)
            done = self._connection.execute(statement)
            if done.description is None:
                return Result((), ())
            return _fetched(done.to_arrow_reader(BATCH_ROWS), self._limits.rows)

    def arrow(self, statement: str) -> pa.Table:
        """Run one statement and return all of its rows with their types.

        Raises:
            QueryRefused, StoreUnavailable: as `run`.
        """
        with self._bounded():
            return self._connection.execute(statement).to_arrow_table()

    def tables(self) -> list[tuple[str, str]]:
        """Schema and name of each table."""
        found = self._connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables"
            " WHERE table_schema IN (?, ?, ?) ORDER BY ALL",
            [LAKE, GOLD, POSTGRES],
        ).fetchall()
        return [(str(schema), str(name)) for schema, name in found]

    def statements(self, text: str) -> list[str]:
        """The statements of a text.

        Raises:
            QueryRefused: it is not SQL.
        """
        with _refusing():
            return [one.query.strip().rstrip(";") for one in self._connection.extract_statements(text)]

    def _copy_from_postgres(self, statement: str) -> None:
        """Copy each table of Postgres that the statement may read, as it is now. Copies of other statements go."""
        if not self._of_postgres:
            return
        text = statement + self._views()
        in_lake = {name for schema, name in self.tables() if schema == LAKE}
        if POSTGRES in text.lower() or self._search_path() != LAKE_FIRST:
            in_lake = set()  # a name may be that of Postgres' table
        for name, columns in self._of_postgres.items():
            self._connection.execute(f'TRUNCATE {POSTGRES}."{name}"')
            if name not in in_lake and re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE):
                self._copy(name, columns)

    def _views(self) -> str:
        """The definitions of views that a user has made: a statement on them reads their tables."""
        found = self._connection.execute(
            "SELECT string_agg(sql, ' ') FROM duckdb_views() WHERE NOT internal AND schema_name = 'main'"
        )
        (text,) = found.fetchone() or ("",)
        return f" {text}" if text else ""

    def _search_path(self) -> str:
        found = self._connection.execute("SELECT current_setting('search_path')").fetchone()
        return str(found[0]) if found else ""

    def _copy(self, name: str, columns: dict[str, str]) -> None:
        file = self._folder / f"{name}.csv"
        try:
            postgres.copy_table(self._settings, name, file, self._limits.timeout_s)
            self._connection.execute(
                f'INSERT INTO {POSTGRES}."{name}" FROM read_csv(?, header = true, columns = ?, nullstr = ?,'
                " delim = ',', quote = '\"', escape = '\"', auto_detect = false)",
                [str(file), columns, postgres.NULL],
            )
        finally:
            file.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _bounded(self) -> Iterator[None]:
        """End a statement that takes too long."""
        late = threading.Event()

        def interrupt() -> None:
            late.set()
            self._connection.interrupt()

        timer = threading.Timer(self._limits.timeout_s, interrupt)
        timer.daemon = True
        timer.start()
        try:
            with lake.answering(self._settings), _refusing():
                yield
        except (QueryRefused, StoreUnavailable) as error:
            if late.is_set():
                raise StoreUnavailable(
                    f"the statement was not done after {self._limits.timeout_s:g} s", fix="allow more with --timeout"
                ) from error
            raise
        finally:
            timer.cancel()


def _fetched(reader: pa.RecordBatchReader, limit: int) -> Result:
    """The first rows; of the others no more than a batch is read."""
    rows: list[tuple[Any, ...]] = []
    for batch in reader:
        rows += zip(*(column.to_pylist() for column in batch.columns), strict=True)
        if len(rows) > limit:
            break
    return Result.of(reader.schema.names, rows, limit)


@contextlib.contextmanager
def opened(settings: Settings, limits: Limits) -> Iterator[Session]:
    """A session without stores. Memory is bounded: what does not fit goes to a temporary folder."""
    with TemporaryDirectory(prefix="shoplake-query-", ignore_cleanup_errors=True) as folder:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": str(Path(folder) / "duckdb"),
            "threads": THREADS,
            "autoinstall_known_extensions": False,  # nothing is fetched
            "python_enable_replacements": False,  # a name in a statement is never a variable of this program
        }
        with duckdb.connect(config=config) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            yield Session(connection, Path(folder), settings, limits)


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    """Turn what DuckDB says against a statement into an error of ours."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise QueryRefused(
            f"the statement needs more than {MEMORY_LIMIT} of memory: {error}", fix="select fewer columns or rows"
        ) from error
    except duckdb.Error as error:
        raise QueryRefused(f"DuckDB does not accept the statement: {str(error).strip()}") from error
