"""Compares the map with a running stack: each stored dataset and column is on the map, and the other way round."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from typing import Any

import psycopg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from pymongo import MongoClient

from shoplake import aws, kafka
from shoplake.lineage import history as lineage
from shoplake.map import project
from shoplake.map.graph import RECORDS, Graph
from shoplake.quality import history as quality
from shoplake.settings import Settings
from shoplake.sinks.dynamodb.wire_format import plain
from shoplake.sinks.lake.tables import open_catalog

from .row_damage import board_of

pytestmark = pytest.mark.stack
Columns = dict[str, set[str]]
ONLY_AFTER_A_REBUILD = ".generation"
NOT_OURS = {"__consumer_offsets", "__transaction_state", "alembic_version"}


@pytest.fixture(scope="module")
def graph() -> Graph:
    return project.graph()


def _topics(settings: Settings) -> Columns:
    async def names() -> list[str]:
        admin = AIOKafkaAdminClient(**kafka.client_options(settings.kafka))
        await admin.start()
        try:
            return list(await admin.list_topics())
        finally:
            await admin.close()

    return {name: set() for name in asyncio.run(names())}


def _postgres(settings: Settings) -> Columns:
    with psycopg.connect(settings.postgres.conninfo()) as connection:
        rows = connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'shop'"
        ).fetchall()
    return _grouped(rows)


def _dynamodb(settings: Settings) -> Columns:
    client = aws.client("dynamodb")
    found = []
    for name in ("sessions", "orders", "checkpoints"):
        pages = client.get_paginator("scan").paginate(TableName=getattr(settings.dynamodb, f"{name}_table"))
        for item in (item for page in pages for item in page["Items"]):
            if "epoch" in item or name != "checkpoints":
                found += [(name, column) for column in _flat(plain(item))]
    return _grouped(found)


def _mongodb(settings: Settings) -> Columns:
    with MongoClient[dict[str, Any]](**settings.mongo.options()) as client:
        database = client[settings.mongo.database]
        return _grouped(
            (name, column)
            for name in database.list_collection_names()
            for document in database[name].find({"epoch": {"$exists": True}} if name == "checkpoints" else {})
            for column in _flat(document)
        )


def _redis(settings: Settings, graph: Graph) -> Columns:
    patterns = {
        one.name: re.sub(r"<\w+>", "[^:]+", one.address) for one in graph.datasets.values() if one.system == "redis"
    }
    with board_of(settings) as board:
        keys = list(board.scan_iter("*"))
    fitting = {key: [name for name, pattern in patterns.items() if re.fullmatch(pattern, key)] for key in keys}
    assert all(len(names) == 1 for names in fitting.values()), fitting
    return {name: set() for (name,) in fitting.values()}


def _lake(settings: Settings) -> Columns:
    catalog = open_catalog(settings)
    tables = [catalog.load_table(one) for one in catalog.list_tables(settings.lake.database)]
    return {table.name()[-1]: {one.name for one in table.schema().fields} for table in tables}


def _flat(values: dict[str, Any], prefix: str = "") -> Iterable[str]:
    for name, value in values.items():
        if name == "cart":
            yield name
            yield from (f"cart[].{inside}" for entry in value.values() for inside in entry)
        elif isinstance(value, dict) and name != "folded":
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _grouped(pairs: Iterable[tuple[str, str]]) -> Columns:
    found: Columns = {}
    for name, column in pairs:
        found.setdefault(name, set()).add(column)
    return found


def _on_the_map(graph: Graph, system: str) -> Columns:
    return {one.name: {field.name for field in one.fields} for one in graph.datasets.values() if one.system == system}


@pytest.mark.parametrize(
    ("system", "read"), [("postgres", _postgres), ("dynamodb", _dynamodb), ("mongodb", _mongodb), ("lake", _lake)]
)
def test_each_column_that_is_stored_is_on_the_map(
    system: str, read: Callable[[Settings], Columns], loaded_stack: Settings, graph: Graph
) -> None:
    stored = {name: columns for name, columns in read(loaded_stack).items() if name not in NOT_OURS}
    mapped = _on_the_map(graph, system)
    if system == "lake":  # fields of structs have no name of their own there
        mapped = {name: {column for column in columns if "." not in column} for name, columns in mapped.items()}
    assert _difference(stored, mapped) == []
    missing = [one for one in _difference(mapped, stored) if not one.endswith(ONLY_AFTER_A_REBUILD)]
    empty = _topics_without_events(loaded_stack)
    assert [one for one in missing if not _topics_of(graph, f"{system}.{one}") <= empty] == []


def _topics_without_events(settings: Settings) -> set[str]:
    catalog = open_catalog(settings)
    tables = [catalog.load_table(one) for one in catalog.list_tables(settings.lake.database)]
    return {table.name()[-1] for table in tables if table.scan().count() == 0}


def _topics_of(graph: Graph, column: str) -> set[str]:
    return {name.split(".")[1] for name in graph.reached(column, "up") if name.startswith("kafka.")}


def _difference(some: Columns, others: Columns) -> list[str]:
    return sorted(f"{name}.{column}" for name, columns in some.items() for column in columns - others.get(name, set()))


def test_each_topic_and_each_key_is_on_the_map(loaded_stack: Settings, graph: Graph) -> None:
    assert _topics(loaded_stack).keys() - NOT_OURS == _on_the_map(graph, "kafka").keys()
    only_after_a_rebuild = {"rebuild"}
    assert _redis(loaded_stack, graph).keys() | only_after_a_rebuild == _on_the_map(graph, "redis").keys()


def test_each_schema_of_postgres_is_on_the_map(loaded_stack: Settings, graph: Graph) -> None:
    with (
        quality.opened(loaded_stack),
        lineage.opened(loaded_stack),
        psycopg.connect(loaded_stack.postgres.conninfo()) as connection,
    ):
        rows = connection.execute(
            "SELECT table_schema, table_name, column_name FROM information_schema.columns"
            " WHERE table_schema NOT IN ('shop', 'public', 'information_schema', 'pg_catalog')"
        ).fetchall()
    of_dagster = [row for row in rows if row[0] == "dagster"]  # as one dataset, if a workflow ran here
    stored = {f"{schema}.{table}.{column}" for schema, table, column in rows} - {".".join(row) for row in of_dagster}
    mapped = {one.column(part.name) for one in graph.datasets.values() if one.system in RECORDS for part in one.fields}
    assert stored == mapped
