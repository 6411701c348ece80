"""Planted damage: a deleted, a doubled and a changed row in each store are found, each by its key, and nothing else.

The damage stays: whoever needs exact stores afterwards needs a stack of their own.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pyarrow as pa
import pytest
import redis
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pyiceberg.expressions import And, EqualTo
from pymongo import MongoClient

from shoplake import aws
from shoplake.cli.verify import command
from shoplake.contract import DEAD_LETTERS
from shoplake.errors import StackError, StoreUnavailable, VerifyFailed
from shoplake.settings import Settings
from shoplake.verify import STORES, log, verify
from shoplake.verify.stores.lake import open_catalog

pytestmark = pytest.mark.stack

Planted = set[tuple[str, str, str]]  # (kind, table, key)


async def test_a_loaded_stack_is_exact(loaded_stack: Settings) -> None:
    report = await verify(loaded_stack)
    assert {store.name: [str(f) for f in store.findings] for store in report.stores} == {name: [] for name in STORES}
    assert report.ok
    assert all(store.expected == store.found > 0 for store in report.stores if store.name != "dead_letters")


@pytest.mark.parametrize("name", ["lake", "postgres", "dynamodb", "mongo", "redis"])
async def test_planted_damage_is_reported_by_key(loaded_stack: Settings, name: str) -> None:
    planted = DAMAGE[name](loaded_stack)
    report = await verify(loaded_stack, [name])
    (store,) = report.stores
    assert {(f.kind, f.table, f.key) for f in store.findings} == planted
    assert (store.lost, store.duplicated, store.differing) == (1, 1, 1)
    assert store.found == store.expected
    assert not report.ok


def damage_lake(settings: Settings) -> Planted:
    table = open_catalog(settings).load_table((settings.lake.database, "clicks"))
    rows = table.scan(selected_fields=("kafka_partition", "kafka_offset"), limit=3).to_arrow().to_pylist()
    deleted, doubled, changed = ((row["kafka_partition"], row["kafka_offset"]) for row in rows)
    table.delete(_lake_row(deleted))
    table.append(table.scan(_lake_row(doubled)).to_arrow())
    row = table.scan(_lake_row(changed)).to_arrow()
    other_id = pa.array(["another-id"], row.schema.field("event_id").type)
    table.delete(_lake_row(changed))
    table.append(row.set_column(row.schema.get_field_index("event_id"), row.schema.field("event_id"), other_id))
    return {
        ("lost", "clicks", "{}/{}".format(*deleted)),
        ("duplicated", "clicks", "{}/{}".format(*doubled)),
        ("differing", "clicks", "{}/{}".format(*changed)),
    }


def _lake_row(coordinates: tuple[int, int]) -> And:
    return And(EqualTo("kafka_partition", coordinates[0]), EqualTo("kafka_offset", coordinates[1]))


def damage_postgres(settings: Settings) -> Planted:
    with psycopg.connect(settings.postgres.conninfo(), autocommit=True) as connection:
        order, line = connection.execute("SELECT order_id, line_no FROM shop.order_items LIMIT 1").fetchone() or ("", 0)
        connection.execute("DELETE FROM shop.order_items WHERE order_id = %s AND line_no = %s", (order, line))
        copied = connection.execute(
            'INSERT INTO shop.products SELECT (jsonb_populate_record(p, \'{"product_id": "a-copy"}\')).*'
            " FROM shop.products AS p LIMIT 1"
        )
        assert copied.rowcount == 1
        (customer,) = connection.execute("SELECT customer_id FROM shop.customers LIMIT 1").fetchone() or ("",)
        connection.execute("UPDATE shop.customers SET city = 'Atlantis' WHERE customer_id = %s", (customer,))
    return {
        ("lost", "order_items", f"{order}/{line}"),
        ("duplicated", "products", "a-copy"),
        ("differing", "customers", customer),
    }


def damage_dynamodb(settings: Settings) -> Planted:
    client = aws.client("dynamodb")
    sessions, orders = settings.dynamodb.sessions_table, settings.dynamodb.orders_table
    deleted = client.scan(TableName=orders, Limit=1)["Items"][0]  # an old session may be gone: its TTL
    client.delete_item(TableName=orders, Key={"pk": deleted["pk"], "sk": deleted["sk"]})
    doubled, changed = client.scan(TableName=sessions, Limit=2)["Items"]
    client.put_item(TableName=sessions, Item=doubled | {"pk": {"S": "a-copy"}})
    client.put_item(TableName=sessions, Item=changed | {"pages": {"N": "1000000"}})
    return {
        ("lost", "orders", f"{deleted['pk']['S']}/{deleted['sk']['S']}"),
        ("duplicated", "sessions", "a-copy"),
        ("differing", "sessions", changed["pk"]["S"]),
    }


def damage_mongo(settings: Settings) -> Planted:
    with MongoClient[dict[str, Any]](settings.mongo.uri) as client:
        customers, products = (client[settings.mongo.database][name] for name in ("customers", "products"))
        deleted, changed = customers.find().limit(2)
        customers.delete_one({"_id": deleted["_id"]})
        customers.update_one({"_id": changed["_id"]}, {"$set": {"orders.spent_cents": -1}})
        doubled = products.find_one() or {}
        products.insert_one(doubled | {"_id": "a-copy"})
    return {
        ("lost", "customers", deleted["_id"]),
        ("duplicated", "products", "a-copy"),
        ("differing", "customers", changed["_id"]),
    }


def damage_redis(settings: Settings) -> Planted:
    server = settings.redis
    with redis.Redis(
        server.host, server.port, password=server.password.get_secret_value(), decode_responses=True
    ) as board:
        deleted, changed = board.zrange("shoplake:top_products", 0, 1)
        board.zrem("shoplake:top_products", deleted)
        board.zincrby("shoplake:top_products", 1, changed)
        copied = next(value for value in board.hvals("shoplake:stock") if value != "0")
        board.hset("shoplake:stock", "a-copy", copied)
    return {
        ("lost", "board", f"shoplake:top_products/{deleted}"),
        ("duplicated", "board", "shoplake:stock/a-copy"),
        ("differing", "board", f"shoplake:top_products/{changed}"),
    }


def board_of(settings: Settings) -> redis.Redis:
    server = settings.redis
    return redis.Redis(server.host, server.port, password=server.password.get_secret_value(), decode_responses=True)


DAMAGE: dict[str, Callable[[Settings], Planted]] = {
    "lake": damage_lake,
    "postgres": damage_postgres,
    "dynamodb": damage_dynamodb,
    "mongo": damage_mongo,
    "redis": damage_redis,
}


async def test_the_command_prints_json_and_fails_where_a_store_is_not_exact(
    loaded_stack: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with board_of(loaded_stack) as board:
        board.hset("shoplake:stock", "never-made", 1)
    monkeypatch.setattr("shoplake.settings.load", lambda environment: loaded_stack)
    with pytest.raises(VerifyFailed, match="not exact: redis"):
        await asyncio.to_thread(command, stores="redis", json=True, environment="local")
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert document["stores"]["redis"].keys() == {"expected", "found", "lost", "duplicated", "differing"}
    assert "shoplake:stock/never-made" in {finding["key"] for finding in document["findings"]["redis"]}


async def test_a_dead_letter_that_no_event_made_is_reported(loaded_stack: Settings) -> None:
    await send(loaded_stack, DEAD_LETTERS, b"clicks-0-999999999", b"{}")
    (store,) = (await verify(loaded_stack, ["dead_letters"])).stores
    assert [(f.kind, f.key) for f in store.findings] == [("duplicated", "clicks-0-999999999")]


async def test_every_store_that_does_not_answer_is_named(loaded_stack: Settings) -> None:
    nobody = loaded_stack.redis.model_copy(update={"port": 1})
    away = loaded_stack.postgres.model_copy(update={"port": 1})
    settings = loaded_stack.model_copy(update={"redis": nobody, "postgres": away})
    with pytest.raises(StoreUnavailable, match=r"(?s)postgres at .*:1 could.*redis at .*:1 could"):
        await verify(settings, ["postgres", "redis"])


async def test_a_missing_topic_is_a_clear_error(loaded_stack: Settings) -> None:
    with pytest.raises(StackError, match="Kafka has no topic never-made"):
        await chunks_of(loaded_stack, "never-made")


async def test_only_committed_records_are_read_and_markers_do_not_stop_the_reader(loaded_stack: Settings) -> None:
    topic = f"verify-{time.time_ns()}"
    await create_topic(loaded_stack, topic)
    producer = AIOKafkaProducer(bootstrap_servers=loaded_stack.kafka.bootstrap_servers, transactional_id=topic)
    await producer.start()
    try:
        for value in (b"first", b"second"):
            async with producer.transaction():
                await producer.send_and_wait(topic, value)
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"aborted")
        await producer.abort_transaction()
        chunks = await chunks_of(loaded_stack, topic)
    finally:
        await producer.stop()
    assert [chunk[topic].value for chunk in chunks] == [[b"first", b"second"]]


async def test_an_event_that_was_published_again_is_duplicated_in_the_log(loaded_stack: Settings) -> None:
    chunk = (await chunks_of(loaded_stack, "products"))[0]["products"]
    await send(loaded_stack, "products", chunk.key[0], chunk.value[0])
    (store,) = (await verify(loaded_stack, ["log"])).stores
    assert (store.lost, store.duplicated, store.differing) == (0, 1, 0)
    assert [f.key for f in store.findings] == [json.loads(chunk.value[0] or b"")["event_id"]]


async def chunks_of(settings: Settings, topic: str) -> list[log.Chunk]:
    return [chunk async for chunk in log.read(settings.kafka, [topic])]


async def send(settings: Settings, topic: str, key: bytes | None, value: bytes | None) -> None:
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka.bootstrap_servers) as producer:
        await producer.send_and_wait(topic, value, key)


async def create_topic(settings: Settings, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap_servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()
