"""Reads MongoDB, DynamoDB and Redis as `verify` does, which takes any content, and gives the columns types.

A value of another type than the field should have becomes null, so that completeness finds it; `verify` shows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from shoplake.contract import TOPICS
from shoplake.kafka import PARTITIONS
from shoplake.positions import Place, Positions
from shoplake.quality.stores import checkpoints
from shoplake.quality.workspace import Loaded
from shoplake.verify.database import columns, run_sql
from shoplake.verify.event_tables import Spill
from shoplake.verify.stores import store

if TYPE_CHECKING:
    import duckdb

    from shoplake.settings import Settings

BOARD = {
    "revenue": (
        "regexp_extract(key, 'revenue:(.{10})', 1)::DATE AS day,"
        " nullif(regexp_extract(key, 'revenue:.{10}:(.*)$', 1), '') AS currency,"
        " field AS minute, try_cast(value AS BIGINT) AS amount_cents",
        "key LIKE 'shoplake:revenue:%'",
    ),
    "top_products": ("field AS product_id, try_cast(value AS BIGINT) AS units", "key = 'shoplake:top_products'"),
    "funnel": (
        "regexp_extract(key, 'funnel:(.{10})', 1)::DATE AS day, field AS step, try_cast(value AS BIGINT) AS events",
        "key LIKE 'shoplake:funnel:%'",
    ),
    "stock": ("field AS product_id, try_cast(value AS BIGINT) AS available", "key = 'shoplake:stock'"),
}
"""Key pattern -> its columns in SQL, and its keys."""
_TOPICS: Mapping[str, Mapping[str, Collection[str]]] = {
    "mongo": {"customers": ("customers", "orders", "reviews"), "products": ("products", "reviews")},
    "dynamodb": {"sessions": ("clicks",), "orders": ("orders",)},
    "redis": {"revenue": ("orders",), "top_products": ("orders",), "funnel": ("clicks",), "stock": ("inventory",)},
}
"""Sink -> dataset -> the topics that it is made from (docs/data-model.md)."""
TIMES = {"profile.registered_at", "orders.last_order_at", "launched_at"}


def read_mongodb(connection: duckdb.DuckDBPyConnection, settings: Settings, environment: str, folder: Path) -> Loaded:
    """Make a view of each collection, with a column `section.field` for each field.

    Raises:
        StoreUnavailable: MongoDB does not answer.
    """
    del environment
    return _typed(connection, settings, folder, "mongo", "mongodb")


def read_dynamodb(connection: duckdb.DuckDBPyConnection, settings: Settings, environment: str, folder: Path) -> Loaded:
    """Make a view of each table.

    Raises:
        StoreUnavailable: DynamoDB does not answer.
    """
    del environment
    return _typed(connection, settings, folder, "dynamodb", "dynamodb")


def read_redis(connection: duckdb.DuckDBPyConnection, settings: Settings, environment: str, folder: Path) -> Loaded:
    """Make a view of each key pattern of the board.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    del environment
    positions, moved = _loaded(connection, settings, folder, "redis")
    for name, (selected, keys) in BOARD.items():
        connection.execute(f"CREATE VIEW redis.{name} AS SELECT {selected} FROM found.redis_board WHERE {keys}")  # noqa: S608
    return Loaded(dict.fromkeys(BOARD, positions), _TOPICS["redis"], moved=moved)


def _typed(connection: duckdb.DuckDBPyConnection, settings: Settings, folder: Path, sink: str, system: str) -> Loaded:
    positions, moved = _loaded(connection, settings, folder, sink)
    names = [comparison.table for comparison in store(sink).COMPARISONS]
    for name in names:
        kinds = columns(connection, f"expected.{sink}_{name}")
        selected = ", ".join(
            f'try_cast("{column}" AS {"TIMESTAMP" if column in TIMES else kind}) AS "{column}"'
            for column, kind in kinds.items()
            if column not in {"unknown_fields", "rev"}
        )
        connection.execute(f'CREATE VIEW {system}."{name}" AS SELECT {selected} FROM found.{sink}_{name}')  # noqa: S608
    return Loaded(dict.fromkeys(names, positions), _TOPICS[sink], moved=moved)


def _loaded(
    connection: duckdb.DuckDBPyConnection, settings: Settings, folder: Path, sink: str
) -> tuple[Positions, bool]:
    """Fill `found.<sink>_<table>`; the checkpoints before, and whether a sink has written meanwhile."""
    _create_events(connection, folder)
    module = store(sink)
    module.fold(connection)  # of no events: it makes the expected columns
    places = [Place(topic, partition) for topic in TOPICS for partition in range(PARTITIONS)]
    before = asyncio.run(checkpoints.positions(settings, sink, places))
    module.load(connection, settings, folder)
    return before, asyncio.run(checkpoints.positions(settings, sink, places)) != before


def _create_events(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """The empty tables of events that `verify` folds, once."""
    if not (folder / "spill").exists():
        Spill(folder / "spill").create_views(connection)
        run_sql(connection, "common")
