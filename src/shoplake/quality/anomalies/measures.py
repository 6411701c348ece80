"""Hourly measures of the events: counts, nulls, values, references, sums and prices, as one long table.

The events are tables of DuckDB, one per topic, with the columns of the contract: the lake's, or frames in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

import duckdb
import polars as pl

from shoplake.contract import EVENTS, TOPIC_OF, TOPICS
from shoplake.quality.anomalies import measure_sql
from shoplake.quality.anomalies.measure_sql import HOUR_MS, Hours

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA = pl.Schema(
    [("series", pl.String), ("kind", pl.String), ("hour", pl.Int64), ("value", pl.Float64), ("weight", pl.Float64)]
)
"""Columns of the measures.

`series` is `<kind>:<what>`, `hour` the number of full hours since 1970 (UTC). `value` is a count, except for `log_mean`
and `largest`. `weight` is the number of rows that the value was made from: 1 for `rows` and `sum`, which have none.
"""


class Arrow(Protocol):
    """Runs one SQL statement and returns its rows."""

    def arrow(self, statement: str) -> pa.Table:
        """The rows, with their types."""
        ...


class Connection:
    """Runs statements on a connection of DuckDB's own."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def arrow(self, statement: str) -> pa.Table:
        """The rows, with their types."""
        return self._connection.execute(statement).to_arrow_table()


def measures(events: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Measure events in memory.

    Args:
        events: event type -> frame with the contract's columns, as a window of the simulator has them. Types may be
            missing.

    Returns:
        A frame with the columns of `SCHEMA`, by series and hour.
    """
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        tables = by_topic(events)
        for topic, frame in tables.items():
            connection.register(f"{topic}_frame", frame.to_arrow())
            connection.execute(f'CREATE VIEW main."{topic}" AS FROM "{topic}_frame"')
        hours = [frame["occurred_at_ms"] // HOUR_MS for frame in tables.values() if frame.height]
        if not hours:
            return pl.DataFrame(schema=SCHEMA)
        first, last = min(int(one.min()) for one in hours), max(int(one.max()) for one in hours)  # type: ignore[arg-type]
        return measures_of_tables(Connection(connection), "main", Hours(first, last + 1))


def by_topic(events: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Topic -> its events, with the columns of the lake's table: those of all types of the topic."""
    unknown = sorted(events.keys() - EVENTS.keys())
    if unknown:
        raise KeyError(f"expected event types of the contract, found {', '.join(unknown)}")
    tables = {}
    for name, topic in TOPICS.items():
        empty = pl.DataFrame(schema=topic.columns)
        frames = [
            frame.with_columns(pl.lit(kind).alias("type")).select(
                column for column in topic.columns if column == "type" or column in frame.columns
            )
            for kind, frame in events.items()
            if TOPIC_OF[kind].name == name
        ]
        tables[name] = pl.concat([empty, *frames], how="diagonal")
    return tables


def measures_of_tables(session: Arrow, schema: str, hours: Hours) -> pl.DataFrame:
    """Measure the events of some hours in tables of DuckDB.

    Args:
        session: runs the statements.
        schema: where the tables are, one per topic.
        hours: of the events. Older ones are read, too, to look up what the events refer to.

    Returns:
        A frame with the columns of `SCHEMA`, by series and hour.
    """
    found: list[pl.DataFrame] = []
    for topic in TOPICS:
        found += _aggregates(_frame(session, measure_sql.aggregates(schema, topic, hours)), topic)
    for one in measure_sql.REFERENCES:
        rows = _frame(session, measure_sql.reference(schema, one, hours))
        found += [_series(rows, "orphans", one.name, "orphans"), _series(rows, "misplaced", one.name, "misplaced")]
    for name, statement in measure_sql.conflicts(schema, hours):
        found.append(_series(_frame(session, statement), "conflicts", name, "conflicts"))
    return pl.concat([one for one in found if one.height] or [pl.DataFrame(schema=SCHEMA)]).sort("series", "hour")


def _aggregates(rows: pl.DataFrame, topic: str) -> Iterable[pl.DataFrame]:
    """Series of the result of `measure_sql.aggregates`."""
    whole = rows.filter(pl.col("by") == "")
    total = whole.group_by("hour").agg(pl.col("rows", "repeated", "twins").sum())
    yield _series(total, "duplicates", topic, "repeated")
    yield _series(total, "twins", topic, "twins")
    yield _series(total, "rows", topic, "rows", weight=pl.lit(1.0))
    amounts = measure_sql.money(TOPICS[topic])
    for event in TOPICS[topic].events:
        kind = str(event.__struct_config__.tag)
        of_type = whole.filter(pl.col("type") == kind)
        if not of_type.height:
            continue
        yield _series(of_type, "rows", kind, "rows", weight=pl.lit(1.0))
        for column in event.__struct_fields__:
            yield _series(of_type, "nulls", f"{kind}.{column}", f"null_{column}")
        split = rows.filter((pl.col("type") == kind) & (pl.col("by") != "") & pl.col("value").is_not_null())
        yield from _of_values(split, kind, event.__struct_fields__)
        by_currency = split.filter(pl.col("by") == "currency")
        for amount in (name for name in amounts if name in event.__struct_fields__):
            source = by_currency if "currency" in event.__struct_fields__ else of_type.with_columns(value=pl.lit("-"))
            yield from _of_amounts(source, kind, amount)


def _of_values(split: pl.DataFrame, kind: str, fields: tuple[str, ...]) -> Iterable[pl.DataFrame]:
    """Rows with each value of a column. A value that the contract does not list counts as `unknown`, too."""
    if not split.height:
        return
    column = pl.col("by")
    named = split.filter(column.is_in(fields)).with_columns(
        series=pl.format("values:{}.{}={}", pl.lit(kind), column, pl.col("value"))
    )
    yield _long(named, "values", pl.col("rows"), pl.col("rows"))
    for name, allowed in measure_sql.choices(kind).items():
        per_hour = (
            split.filter(column == name)
            .group_by("hour")
            .agg(pl.col("rows").filter(~pl.col("value").is_in(allowed)).sum().alias("unknown"), pl.col("rows").sum())
        )
        yield _series(per_hour, "unknown", f"{kind}.{name}", "unknown")


def _of_amounts(rows: pl.DataFrame, kind: str, amount: str) -> Iterable[pl.DataFrame]:
    """Sum, largest value and mean logarithm of an amount, per currency."""
    if not rows.height:
        return
    named = rows.filter(pl.col(f"known_{amount}") > 0)
    what = pl.format("{}.{}[{}]", pl.lit(kind), pl.lit(amount), pl.col("value"))
    summed = named.with_columns(series=pl.format("sum:{}", what))
    yield _long(summed, "sum", pl.col(f"sum_{amount}"), pl.lit(1.0))
    largest = named.with_columns(series=pl.format("largest:{}", what))
    yield _long(largest, "largest", pl.col(f"max_{amount}"), pl.lit(1.0))
    averaged = named.with_columns(series=pl.format("log_mean:{}", what))
    known = pl.col(f"known_{amount}")
    yield _long(averaged, "log_mean", pl.col(f"log_{amount}") / known, known)


def _series(rows: pl.DataFrame, kind: str, name: str, value: str, weight: pl.Expr | None = None) -> pl.DataFrame:
    weight = pl.col("rows") if weight is None else weight
    return _long(rows, kind, pl.col(value), weight, series=pl.lit(f"{kind}:{name}"))


def _long(
    rows: pl.DataFrame, kind: str, value: pl.Expr, weight: pl.Expr, series: pl.Expr | None = None
) -> pl.DataFrame:
    return rows.select(
        (pl.col("series") if series is None else series).alias("series"),
        pl.lit(kind).alias("kind"),
        pl.col("hour").cast(pl.Int64),
        value.cast(pl.Float64).alias("value"),
        weight.cast(pl.Float64).alias("weight"),
    )


def _frame(session: Arrow, statement: str) -> pl.DataFrame:
    frame = pl.from_arrow(session.arrow(statement))
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - for the type checker: a table becomes a frame
    return frame
