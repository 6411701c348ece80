"""Answers a question about a metric from the published gold tables of an environment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError

from shoplake.errors import WarehouseError
from shoplake.positions import Positions
from shoplake.query import duckdb_session, lake
from shoplake.query.result import Limits, Result
from shoplake.sinks.lake.tables import open_catalog
from shoplake.warehouse import publish

if TYPE_CHECKING:
    from pyarrow.dataset import Dataset
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

    from shoplake.settings import Settings
    from shoplake.warehouse.metrics.sql import Compiled


@dataclass(frozen=True, slots=True)
class Answer:
    """The figures, and the positions in the log that they were computed from.

    Attributes:
        rows: one column for each dimension and one for the metric. Whole numbers are int64, ratios are float64.
        truncated: whether there are more rows than the limit.
        positions: of the gold tables that were read.
        statement: the SQL.
    """

    rows: pa.Table
    truncated: bool
    positions: Positions
    statement: str

    @property
    def result(self) -> Result:
        """The rows, as those of any query."""
        columns = [column.to_pylist() for column in self.rows.columns]
        return Result(tuple(self.rows.column_names), list(zip(*columns, strict=True)), self.truncated)


def answer(settings: Settings, wanted: Compiled, limits: Limits) -> Answer:
    """Compute a metric.

    Raises:
        WarehouseError: no warehouse was built, or the tables that the metric needs are of different builds.
        StoreUnavailable: the lake does not answer, or it takes longer than the limit.
    """
    return next(answers(settings, [wanted], limits))


def answers(settings: Settings, wanted: Sequence[Compiled], limits: Limits) -> Iterator[Answer]:
    """Compute metrics one after the other, all of them from the same state of the gold tables.

    Raises:
        WarehouseError, StoreUnavailable: as `answer`.
    """
    tables = _load(settings, sorted({name for one in wanted for name in one.tables}))
    positions = _positions(tables)
    with duckdb_session.opened(settings, limits) as session:
        session.attach(duckdb_session.GOLD, _datasets(settings, tables))
        for one in wanted:
            fetched = session.arrow(f"{one.statement}\nLIMIT {limits.rows + 1}")
            rows = _with_int64(fetched.slice(0, limits.rows))
            yield Answer(rows, fetched.num_rows > limits.rows, positions, one.statement)


def _load(settings: Settings, names: Sequence[str]) -> list[Table]:
    with lake.answering(settings):
        catalog = open_catalog(settings)
        return [_loaded(catalog, (lake.gold_database(settings), name)) for name in names]


def _loaded(catalog: Catalog, identifier: tuple[str, str]) -> Table:
    try:
        return catalog.load_table(identifier)
    except (NoSuchNamespaceError, NoSuchTableError) as error:
        raise WarehouseError(
            f"no warehouse was built: there is no gold table {identifier[1]}", fix="run `shoplake warehouse build`"
        ) from error


def _datasets(settings: Settings, tables: Sequence[Table]) -> Iterator[tuple[str, Dataset]]:
    with lake.answering(settings):
        for table in tables:
            yield table.name()[-1], lake.dataset(table)


def _positions(tables: Sequence[Table]) -> Positions:
    """The positions of tables of one build."""
    found = {table.name()[-1]: publish.published_positions(table) for table in tables}
    for name, positions in found.items():
        if positions is None:
            raise WarehouseError(
                f"the gold table {name} does not say up to where it has read the log: another program has written it",
                fix="run `shoplake warehouse build --full-refresh`",
            )
    texts = set(found.values())
    if len(texts) > 1:
        builds = ", ".join(f"{table.name()[-1]} of build {publish.published(table).build}" for table in tables)
        raise WarehouseError(
            f"the gold tables speak of different positions in the log: {builds}",
            fix="a build publishes them now, or it was stopped: wait for it, or run `shoplake warehouse build`",
        )
    return Positions.parse(texts.pop() or "")


def _with_int64(rows: pa.Table) -> pa.Table:
    """DuckDB's sums of integers are HUGEINT, which Arrow has as decimals. Sums that need more than 64 bits stay so."""
    fields = [
        field.with_type(pa.int64()) if pa.types.is_decimal(field.type) and field.type.scale == 0 else field
        for field in rows.schema
    ]
    try:
        return rows.cast(pa.schema(fields))
    except pa.ArrowInvalid:
        return rows
