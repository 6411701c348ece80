"""Empty stores on the servers that all tests share: databases, tables and a consumer group that nobody else uses."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
import redis
from psycopg import sql
from pymongo import MongoClient

from shoplake import aws
from shoplake.bench.stores.dynamodb import copy_table
from shoplake.settings import Settings

GROUP_PREFIX = "SHOPLAKE_KAFKA__GROUP_PREFIX"
numbers = itertools.count(1)


@dataclass(frozen=True)
class Stores:
    """Where a test's sinks write.

    Attributes:
        name: of databases and groups that are nobody else's.
        environment: what tells a process of shoplake to use them.
        settings: the same for this process.
    """

    name: str
    environment: Mapping[str, str]
    settings: Settings

    def group(self, of: object) -> dict[str, str]:
        """What gives workers consumer groups of their own: they wait for no member of another, and share with none."""
        return {GROUP_PREFIX: f"{self.name}-{of}"}


@contextlib.asynccontextmanager
async def empty_stores(here: Settings, sinks: Collection[str]) -> AsyncIterator[Stores]:
    """New stores for these sinks. Redis has one only: its data goes, so one test at a time may use it."""
    name = f"faults_{next(numbers)}"
    with contextlib.ExitStack() as made:
        environment = {GROUP_PREFIX: name}
        for sink in sinks:
            environment |= await asyncio.to_thread(lambda s=sink: made.enter_context(MAKERS[s](here, name)))
        try:
            yield Stores(name, environment, _overridden(here, environment))
        finally:
            await asyncio.to_thread(made.close)


def _overridden(here: Settings, environment: Mapping[str, str]) -> Settings:
    sections: dict[str, dict[str, str]] = {}
    for variable, value in environment.items():
        section, _, field = variable.removeprefix("SHOPLAKE_").lower().partition("__")
        sections.setdefault(section, {})[field] = value
    changed = {section: getattr(here, section).model_copy(update=fields) for section, fields in sections.items()}
    return here.model_copy(update=changed)


@contextlib.contextmanager
def _lake(here: Settings, name: str) -> Iterator[dict[str, str]]:
    yield {"SHOPLAKE_LAKE__DATABASE": name}  # the sink makes its database; the old one's files are in nobody's way


@contextlib.contextmanager
def _postgres(here: Settings, name: str) -> Iterator[dict[str, str]]:
    made, migrated = sql.Identifier(name), sql.Identifier(here.postgres.database)
    with _maintenance(here) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(made, migrated))
    try:
        yield {"SHOPLAKE_POSTGRES__DATABASE": name}
    finally:
        with _maintenance(here) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(made))


def _maintenance(here: Settings) -> psycopg.Connection[Any]:
    store = here.postgres.model_copy(update={"database": "postgres"})
    return psycopg.connect(store.conninfo(), autocommit=True)


@contextlib.contextmanager
def _dynamodb(here: Settings, name: str) -> Iterator[dict[str, str]]:
    client = aws.client("dynamodb")
    fields = {field: table for field, table in here.dynamodb.model_dump().items() if field.endswith("_table")}
    made = {field: f"{name}_{field.removesuffix('_table')}" for field in fields}
    for field, table in made.items():
        copy_table(client, fields[field], table)
    try:
        yield {f"SHOPLAKE_DYNAMODB__{field.upper()}": table for field, table in made.items()}
    finally:
        for table in made.values():
            with contextlib.suppress(client.exceptions.ResourceNotFoundException):
                client.delete_table(TableName=table)


@contextlib.contextmanager
def _mongo(here: Settings, name: str) -> Iterator[dict[str, str]]:
    try:
        yield {"SHOPLAKE_MONGO__DATABASE": name}
    finally:
        with MongoClient[dict[str, Any]](**here.mongo.options()) as client:
            client.drop_database(name)


@contextlib.contextmanager
def _redis(here: Settings, name: str) -> Iterator[dict[str, str]]:
    with redis.Redis(**here.redis.options()) as board:
        board.flushall()
    yield {}


MAKERS = {"lake": _lake, "postgres": _postgres, "dynamodb": _dynamodb, "mongo": _mongo, "redis": _redis}
