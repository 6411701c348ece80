"""Simulated shops as DuckDB tables, made from the bytes that would go to Kafka."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

import shopsim
from shoplake.contract import TOPICS, columns_of, decode, type_name

VIEWS = Path(__file__).parents[2] / "simulator" / "views.sql"


def rows_of(scenario: shopsim.Scenario, seed: int, limit: int) -> pl.DataFrame:
    """The first events, in order, with `pos` and `window_no`."""
    parts = [
        window.rows.with_columns(pl.lit(window.index).alias("window_no"))
        for window in shopsim.stream(scenario, seed, limit=limit)
    ]
    return pl.concat(parts).with_row_index("pos")


def tables_of(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Sound events by type, as the contract decodes them, with `pos`."""
    tables: dict[str, pl.DataFrame] = {}
    for topic in TOPICS.values():
        mine = rows.filter(pl.col("topic") == topic.name)
        events = decode(topic.name, mine["value"].to_list()).events
        events = events.with_columns(mine["pos"].gather(events["position"]))
        for event in topic.events:
            name = type_name(event)
            tables[name] = events.filter(pl.col("type") == name).select("pos", *columns_of(event))
    return tables


def database_of(rows: pl.DataFrame) -> duckdb.DuckDBPyConnection:
    """Tables by event type, `happened` over all events, and the views that the invariants use."""
    shop = duckdb.connect()
    tables = tables_of(rows)
    for name, table in tables.items():
        shop.register("arrow_table", table.to_arrow())
        shop.execute(f"CREATE TABLE {name} AS FROM arrow_table")
    ids = pl.concat([table.select("pos", "event_id") for table in tables.values()])
    columns = rows.select("pos", "occurred_at_ms", "lane", "seq", "window_no", pl.col("type").cast(pl.String))
    happened = columns.join(ids, on="pos", how="left")
    shop.register("arrow_table", happened.to_arrow())
    # A broken event may have lost its id: there its position is as good.
    shop.execute(
        "CREATE TABLE happened AS SELECT * REPLACE (coalesce(event_id, pos::VARCHAR) AS event_id) FROM arrow_table"
    )
    for entity in ("customer", "product", "session", "order"):
        key = f"{entity}_id"
        parts = [
            f"SELECT pos, occurred_at_ms, '{name}' AS type, {key}"
            + (", customer_id" if entity == "order" and "customer_id" in table.columns else ", NULL AS customer_id")
            + f" FROM {name}"
            for name, table in tables.items()
            if key in table.columns
        ]
        if entity == "customer":
            parts = [part.replace(", NULL AS customer_id", "") for part in parts]
        shop.execute(f"CREATE VIEW happened_{entity} AS " + " UNION ALL ".join(parts))
    shop.execute(VIEWS.read_text())
    return shop


@pytest.fixture(scope="session")
def demo_rows(demo: shopsim.Scenario) -> pl.DataFrame:
    return rows_of(demo, 7, 120_000)


@pytest.fixture(scope="session")
def demo_shop(demo_rows: pl.DataFrame) -> duckdb.DuckDBPyConnection:
    return database_of(demo_rows)


@pytest.fixture(scope="session")
def simulated() -> Callable[[shopsim.Scenario, int, int], pl.DataFrame]:
    return rows_of
