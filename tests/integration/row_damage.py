"""Damage to a store, as no sink does it: a row that is deleted, one that is doubled, one that is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pyarrow as pa
import redis
from pyiceberg.expressions import And, EqualTo
from pymongo import MongoClient

from shoplake import aws
from shoplake.settings import Settings
from shoplake.verify.stores.lake import open_catalog

Planted = set[tuple[str, str, str]]  # (kind, table, key)


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
        line = connection.execute(
            "DELETE FROM shop.order_items WHERE ctid = (SELECT min(ctid) FROM shop.order_items)"
            " RETURNING order_id, customer_id, line_no"
        ).fetchone()
        assert line is not None
        copied = connection.execute(
            'INSERT INTO shop.products SELECT (jsonb_populate_record(p, \'{"product_id": "a-copy"}\')).*'
            " FROM shop.products AS p LIMIT 1"
        )
        assert copied.rowcount == 1
        (customer,) = connection.execute("SELECT customer_id FROM shop.customers LIMIT 1").fetchone() or ("",)
        connection.execute("UPDATE shop.customers SET city = 'Atlantis' WHERE customer_id = %s", (customer,))
    return {
        ("lost", "order_items", "/".join(map(str, line))),
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
