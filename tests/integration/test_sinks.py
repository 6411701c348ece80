"""What every sink promises, held against the real stores: one suite, five sinks, a stack of this file's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import polars as pl
import psycopg
import pytest
import redis
from pyiceberg.expressions import EqualTo
from pymongo import MongoClient

from shoplake import aws, sinks
from shoplake.errors import StoreRefused
from shoplake.settings import Settings
from shoplake.sinks import SINKS
from shoplake.sinks.base import Batch, Sink
from shoplake.sinks.conformance import PROMISES, TEXTS, Promise, Subject
from shoplake.sinks.lake.tables import open_catalog

pytestmark = pytest.mark.stack


def in_lake(settings: Settings, entity: str) -> int:
    table = open_catalog(settings).load_table((settings.lake.database, "clicks"))
    return len(table.scan(EqualTo("session_id", entity)).to_arrow())


def in_postgres(settings: Settings, entity: str) -> int:
    with psycopg.connect(settings.postgres.conninfo()) as connection:
        query = "SELECT coalesce(sum(on_hand), 0) FROM shop.inventory WHERE product_id = %s"
        (count,) = connection.execute(query, [entity]).fetchone() or (0,)
    return int(count)


def in_dynamodb(settings: Settings, entity: str) -> int:
    item = session_of(settings, entity)
    return int(item["pages"]["N"]) if item else 0


def session_of(settings: Settings, entity: str) -> dict[str, Any]:
    answer = aws.client("dynamodb").get_item(
        TableName=settings.dynamodb.sessions_table, Key={"pk": {"S": entity}}, ConsistentRead=True
    )
    return answer.get("Item", {})


def in_mongo(settings: Settings, entity: str) -> int:
    document = customer_of(settings, entity)
    return document["orders"]["spent_cents"] if document else 0


def customer_of(settings: Settings, entity: str) -> dict[str, Any]:
    with MongoClient[dict[str, Any]](settings.mongo.uri) as client:
        return client[settings.mongo.database]["customers"].find_one({"_id": entity}) or {}


def in_redis(settings: Settings, entity: str) -> int:
    password = settings.redis.password.get_secret_value()
    with redis.Redis(settings.redis.host, settings.redis.port, password=password) as board:
        return int(board.hget("shoplake:stock", entity) or 0)


VIEWED = {"type": "product_viewed", "product_id": "p1"}
RECEIVED = {"type": "stock_received", "warehouse_id": "w1", "quantity": 1}
CAPTURED = {"type": "payment_captured", "order_id": "o1", "payment_id": "y1", "amount_cents": 1}


class RealSubject(Subject):
    """One of our sinks on its real store."""

    name: str

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings

    def make(self) -> Sink:
        return sinks.make(self.name, self.settings)


class Lake(RealSubject):
    name, topic, entity_field, event = "lake", "clicks", "session_id", VIEWED

    def counted(self, entity: str) -> int:
        return in_lake(self.settings, entity)


class Postgres(RealSubject):
    name, topic, entity_field, event = "postgres", "inventory", "product_id", RECEIVED

    def counted(self, entity: str) -> int:
        return in_postgres(self.settings, entity)


class DynamoDB(RealSubject):
    name, topic, entity_field, event = "dynamodb", "clicks", "session_id", VIEWED

    def counted(self, entity: str) -> int:
        return in_dynamodb(self.settings, entity)


class Mongo(RealSubject):
    name, topic, entity_field, event = "mongo", "orders", "customer_id", CAPTURED

    def counted(self, entity: str) -> int:
        return in_mongo(self.settings, entity)


class Redis(RealSubject):
    name, topic, entity_field, event = "redis", "inventory", "product_id", RECEIVED

    def counted(self, entity: str) -> int:
        return in_redis(self.settings, entity)


SUBJECTS = (Lake, Postgres, DynamoDB, Mongo, Redis)


def test_every_sink_is_in_the_conformance_suite() -> None:
    assert [subject.name for subject in SUBJECTS] == list(SINKS)


@pytest.fixture(params=SUBJECTS, ids=lambda subject: subject.name)
async def subject(request: pytest.FixtureRequest, stores: Settings) -> AsyncIterator[Subject]:
    one = request.param(stores)
    yield one
    await one.close()


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
async def test_a_sink_conforms(subject: Subject, promise: Promise) -> None:
    await promise(subject)


class TextSubject(RealSubject):
    """An event with a free text."""

    def __init__(self, settings: Settings, name: str, text_field: str) -> None:
        self.name, (self.topic, self.entity_field, self.event) = name, TEXT_EVENTS[name, text_field]
        super().__init__(settings)

    def counted(self, entity: str) -> int:
        raise NotImplementedError("a text is not counted")


TEXT_EVENTS: Mapping[tuple[str, str], tuple[str, str, Mapping[str, Any]]] = {
    ("lake", "query"): ("clicks", "session_id", {"type": "search_performed", "results": 0}),
    ("postgres", "title"): ("reviews", "review_id", {"type": "review_submitted", "product_id": "p", "rating": 1}),
    ("dynamodb", "campaign"): ("clicks", "session_id", {"type": "session_started"}),
    ("mongo", "name"): ("customers", "customer_id", {"type": "customer_registered"}),
}


def text_in_lake(settings: Settings, entity: str) -> Any:
    table = open_catalog(settings).load_table((settings.lake.database, "clicks"))
    return table.scan(EqualTo("session_id", entity)).to_arrow()["query"].to_pylist()[0]


def text_in_postgres(settings: Settings, entity: str) -> Any:
    with psycopg.connect(settings.postgres.conninfo()) as connection:
        row = connection.execute("SELECT title FROM shop.reviews WHERE review_id = %s", [entity]).fetchone()
    return row and row[0]


READ_TEXT: dict[str, Callable[[Settings, str], Any]] = {
    "lake": text_in_lake,
    "postgres": text_in_postgres,
    "dynamodb": lambda settings, entity: session_of(settings, entity)["campaign"]["S"],
    "mongo": lambda settings, entity: customer_of(settings, entity)["profile"]["name"],
}


@pytest.mark.parametrize(("name", "text_field"), TEXT_EVENTS)
async def test_a_text_is_stored_unchanged(stores: Settings, name: str, text_field: str) -> None:
    subject = TextSubject(stores, name, text_field)
    texts = {f"{subject.partition}-{n}": text for n, text in enumerate(TEXTS)}
    batch = subject.batch_of(0, list(texts))
    events = batch.events[subject.topic].with_columns(pl.Series(text_field, list(texts.values())))
    sink, owner = await subject.opened()
    await sink.apply(Batch({subject.topic: events}, batch.ranges), owner)
    await subject.close()
    assert {one: READ_TEXT[name](stores, one) for one in texts} == texts


@pytest.mark.parametrize(
    ("name", "collection", "content"),
    [("dynamodb", "sessions", "x" * 450_000), ("mongo", "customers", 2**70)],
    ids=["an item of 450 KB", "a number of 70 bits"],
)
async def test_a_permanent_refusal_of_a_store_is_named_without_retries(
    stores: Settings, name: str, collection: str, content: object
) -> None:
    sink = sinks.make(name, stores)
    item = {"rev": 1, "folded": {"clicks-0": 7}, "campaign": content}
    try:
        with pytest.raises(
            StoreRefused, match=rf"{name} refused .*; one of {collection} too-large .*clicks-0 offset 7"
        ):
            await sink.write(collection, {("too-large",): item})
    finally:
        await sink.close()


async def test_a_batch_refused_by_postgres_is_named_and_not_written(stores: Settings) -> None:
    subject = Postgres(stores)
    sink, owner = await subject.opened()
    batch = subject.batch_of(0, ["refused-1", "refused-2"])
    with psycopg.connect(stores.postgres.conninfo(), autocommit=True) as connection:
        connection.execute("ALTER TABLE shop.inventory ADD CONSTRAINT small CHECK (product_id <> 'refused-2')")
        try:
            with pytest.raises(
                StoreRefused, match=r"(?s)violates check constraint .*; the batch was inventory-\d+ offsets"
            ):
                await sink.apply(batch, owner)
        finally:
            connection.execute("ALTER TABLE shop.inventory DROP CONSTRAINT small")
    assert subject.counted("refused-1") == 0
    await subject.close()
