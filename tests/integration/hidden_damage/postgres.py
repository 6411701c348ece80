"""Damage that leaves each row's text as it is, or that nobody can read: types, structure, bookkeeping, foreign bytes.

Each entry does its damage and gives the finding that has to name it: kind, table, key, and a part of what it says. All
entries of one store are done together, to different rows, so that one verification has to tell them apart.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

import psycopg
import pyarrow as pa
import pyarrow.parquet as parquet
import redis
from pyiceberg.catalog import Catalog
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import NestedField, StringType
from pymongo import MongoClient
from pymongo.database import Database

from shoplake import aws
from shoplake.settings import Settings
from shoplake.verify.stores.lake import open_catalog


class Named(NamedTuple):
    """What a finding says."""

    kind: str
    table: str
    key: str
    says: str


Board: TypeAlias = redis.Redis
Documents: TypeAlias = Database[dict[str, Any]]


# ---- Redis


def expiring_key(board: Board) -> Named:
    board.expire("shoplake:stock", 86_400)
    return Named("differing", "structure", "key shoplake:stock", "expiry at 20")


def expiring_field(board: Board) -> Named:
    day = min(board.scan_iter("shoplake:funnel:*"))
    board.execute_command("HEXPIRE", day, 86_400, "FIELDS", 1, "session_started")
    return Named("differing", "structure", f"key {day.decode()} field session_started", "expiry at 20")


def foreign_key(board: Board) -> Named:
    board.hset("shoplake:revenues", "00:00", 1)
    return Named("duplicated", "structure", "key shoplake:revenues", "not part of the board")


def key_of_another_type(board: Board) -> Named:
    board.set("shoplake:revenue:1999-01-02:EUR", "5")
    return Named("differing", "structure", "key shoplake:revenue:1999-01-02:EUR", "expected 'a hash', found 'a string'")


def key_that_is_no_text(board: Board) -> Named:
    board.hset(b"shoplake:\xff", "a", 1)
    return Named("duplicated", "structure", "key not UTF-8: b'shoplake:\\xff'", "a hash")


def field_that_is_no_text(board: Board) -> Named:
    board.hset("shoplake:stock", b"\xff\xfe", 3)
    return Named("duplicated", "board", "shoplake:stock/not UTF-8: b'\\xff\\xfe'", "no event made it")


def value_that_is_no_text(board: Board) -> Named:
    board.hset("shoplake:stock", "bytes", b"\xff")
    return Named("duplicated", "board", "shoplake:stock/bytes", "no event made it")


def number_written_otherwise(board: Board) -> Named:
    field, value = max((f, v) for f, v in board.hgetall("shoplake:stock").items() if v.isdigit() and v != b"0")
    board.hset("shoplake:stock", field, b"+" + value)
    return Named("differing", "board", f"shoplake:stock/{field.decode()}", f"found '+{value.decode()}'")


def score_with_a_fraction(board: Board) -> Named:
    ((member, score),) = board.zrange("shoplake:top_products", 0, 0, withscores=True)
    board.zincrby("shoplake:top_products", 0.5, member)
    return Named("differing", "board", f"shoplake:top_products/{member.decode()}", f"found '{score + 0.5}'")


@contextmanager
def board_of(settings: Settings) -> Iterator[Board]:
    with redis.Redis(**settings.redis.options()) as board:
        yield board


# ---- MongoDB


def _customer(documents: Documents, number: int, change: Callable[[dict[str, Any]], object]) -> str:
    found = documents.customers.find({"profile.postcode": {"$exists": True}, "orders.placed": {"$gt": 0}})
    document = sorted(found, key=lambda one: one["_id"])[number]
    change(document)
    documents.customers.replace_one({"_id": document["_id"]}, document)
    return str(document["_id"])


def _changed_customer(number: int, says: str, change: Callable[[dict[str, Any]], object]) -> Callable[..., Named]:
    return lambda documents: Named("differing", "customers", _customer(documents, number, change), says)


def _orders(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    return lambda document: change(document["orders"])


MONGO_DOCUMENTS: Mapping[str, tuple[str, Callable[[dict[str, Any]], object]]] = {
    "a postcode that is a number": ("found 'int 12345'", lambda d: d["profile"].update(postcode=12345)),
    "a date that is a text": (
        "profile.registered_at: expected '20",
        lambda d: d["profile"].update(registered_at=d["profile"]["registered_at"].isoformat()),
    ),
    "a flag that is a number": ("found 'int 0'", lambda d: d["profile"].update(marketing_opt_in=0)),
    "an amount that is no integer": (".0'", _orders(lambda d: d.update(spent_cents=float(d["spent_cents"])))),
    "an amount that is a text": ("found 'str ", _orders(lambda d: d.update(spent_cents=str(d["spent_cents"])))),
    "an empty section too many": ('{"evil":{}}', lambda d: d.update(evil={})),
    "a field that is null": ('{"evil":null}', lambda d: d.update(evil=None)),
    "bookkeeping inside a section": ('"orders.rev":999', _orders(lambda d: d.update(rev=999))),
    "a name with a dot": ("orders.placed", lambda d: d.update({"orders.placed": 1})),
    "a name that is a list": ("found 'list", lambda d: d["profile"].update(name=[d["profile"]["name"]])),
    "nothing folded": ("folded: expected '{", lambda d: d.update(folded={})),
    "folded is gone": ("found null", lambda d: d.pop("folded")),
    "folded one offset less": (
        "folded: expected '{",
        lambda d: d.update(folded={source: offset - 1 for source, offset in d["folded"].items()}),
    ),
    "rev is gone": ("rev: expected 'a positive integer', found null", lambda d: d.pop("rev")),
    "rev is a text": ("rev: expected 'a positive integer', found 'str ", lambda d: d.update(rev="1")),
    "an older generation": ("generation: expected ", lambda d: d.update(generation=77)),
    "nested deeply": ("unknown_fields", lambda d: d.update(deep=_nested(80))),
}


def _nested(depth: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for _ in range(depth):
        document = {"in": document}
    return document


def id_that_is_a_number(documents: Documents) -> Named:
    documents.customers.insert_one({"_id": 5})
    return Named("duplicated", "customers", "int 5", "no event made it")


def extra_collection(documents: Documents) -> Named:
    documents.more.insert_one({"_id": "a"})
    return Named("duplicated", "structure", "collection more", "not of shoplake")


def extra_index(documents: Documents) -> Named:
    documents.products.create_index("name")
    return Named("duplicated", "structure", "index of products on name 1", "not of shoplake")


def index_that_is_gone(documents: Documents) -> Named:
    documents.customers.drop_index("idx_customers_profile_segment")
    return Named("lost", "structure", "index of customers on profile.segment 1", "expected {}")


@contextmanager
def documents_of(settings: Settings) -> Iterator[Documents]:
    with MongoClient[dict[str, Any]](settings.mongo.uri) as client:
        yield client[settings.mongo.database]


# ---- Postgres


def _sql(named: Named, *statements: str) -> Callable[[psycopg.Connection[Any]], Named]:
    def damage(connection: psycopg.Connection[Any]) -> Named:
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]
        return named

    return damage


def _customer_row(number: int, setting: str, says: str) -> Callable[[psycopg.Connection[Any]], Named]:
    def damage(connection: psycopg.Connection[Any]) -> Named:
        row = connection.execute(
            "SELECT customer_id FROM shop.customers ORDER BY customer_id OFFSET %s LIMIT 1", [number]
        ).fetchone()
        assert row is not None
        connection.execute(f"UPDATE shop.customers SET {setting} WHERE customer_id = %s", row)  # type: ignore[call-overload]
        return Named("differing", "customers", row[0], says)

    return damage


def fraction_of_a_cent(connection: psycopg.Connection[Any]) -> Named:
    connection.execute("ALTER TABLE shop.payments ALTER amount_cents TYPE numeric")
    row = connection.execute(
        "UPDATE shop.payments SET amount_cents = amount_cents + 0.4 WHERE payment_id ="
        " (SELECT min(payment_id) FROM shop.payments) RETURNING payment_id || '/' || customer_id, amount_cents::text"
    ).fetchone()
    assert row is not None
    return Named("differing", "payments", row[0], f"found '{row[1]}'")


POSTGRES: Mapping[str, Callable[[psycopg.Connection[Any]], Named]] = {
    "before Christ": _customer_row(0, "updated_at = '0044-03-15 BC'", "0044-03-15 00:00:00+00 BC"),
    "without end": _customer_row(1, "updated_at = 'infinity'", "found 'infinity'"),
    "after the year 294247": _customer_row(2, "updated_at = '294276-12-31'", "294276"),
    "three megabytes": _customer_row(3, "name = repeat('ab', 1500000)", "found 'abab"),
    "0.4 of a cent": fraction_of_a_cent,
    "a column of another type": _sql(
        Named("differing", "structure", "column reviews.rating", "expected 'smallint', found 'integer'"),
        "ALTER TABLE shop.reviews ALTER rating TYPE integer",
    ),
    "the column that 0.4 of a cent needs": _sql(
        Named("differing", "structure", "column payments.amount_cents", "expected 'bigint', found 'numeric'")
    ),
    "a default that is gone": _sql(
        Named("differing", "structure", "column inventory.reserved", "default '0'"),
        "ALTER TABLE shop.inventory ALTER reserved DROP DEFAULT",
    ),
    "a null that is allowed": _sql(
        Named("differing", "structure", "column inventory.on_hand", "not null"),
        "ALTER TABLE shop.inventory ALTER on_hand DROP NOT NULL",
    ),
    "a column too many": _sql(
        Named("duplicated", "structure", "column reviews.evil", "text"),
        "ALTER TABLE shop.reviews ADD COLUMN evil text DEFAULT 'x'",
    ),
    "a table too many": _sql(
        Named("duplicated", "structure", "table more", "unlogged"), "CREATE UNLOGGED TABLE shop.more (a int)"
    ),
    "its column": _sql(Named("duplicated", "structure", "column more.a", "integer")),
    "a view too many": _sql(
        Named("duplicated", "structure", "view seen", "kept"), "CREATE VIEW shop.seen AS SELECT 1 AS a"
    ),
    "an index that is gone": _sql(
        Named("lost", "structure", "index orders_customer_id of orders", "btree (customer_id)"),
        "DROP INDEX shop.orders_customer_id",
    ),
    "an index too many": _sql(
        Named("duplicated", "structure", "index extra of orders", "btree (status)"),
        "CREATE INDEX extra ON shop.orders (status)",
    ),
    "a key that is gone": _sql(
        Named("lost", "structure", "constraint of payments: PRIMARY KEY (payment_id, customer_id)", "valid"),
        "ALTER TABLE shop.payments DROP CONSTRAINT payments_pkey",
    ),
    "the index of that key": _sql(Named("lost", "structure", "index payments_pkey of payments", "unique")),
    "a check too many": _sql(
        Named("duplicated", "structure", "constraint of reviews: CHECK ((rating > 0))", "valid"),
        "ALTER TABLE shop.reviews ADD CHECK (rating > 0)",
    ),
    "a trigger": _sql(
        Named("duplicated", "structure", "trigger spoils of products", "EXECUTE FUNCTION"),
        "CREATE FUNCTION shop.spoil() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER spoils BEFORE INSERT ON shop.products FOR EACH ROW EXECUTE FUNCTION shop.spoil()",
    ),
    "its function": _sql(Named("duplicated", "structure", "function spoil", "a function")),
    "a table that a crash empties": _sql(
        Named("differing", "structure", "table shipments", "unlogged"), "ALTER TABLE shop.shipments SET UNLOGGED"
    ),
}


# ---- DynamoDB


class Items(NamedTuple):
    client: Any
    settings: Settings
    sessions: list[dict[str, Any]]


def _session(
    number: int, says: str, change: Callable[[dict[str, Any]], object], full: bool = False
) -> Callable[[Items], Named]:
    def damage(items: Items) -> Named:
        wanted = [one for one in items.sessions if bool(one["cart"]["M"]) == full and "campaign" not in one]
        item = copy.deepcopy(wanted[number])
        change(item)
        items.client.put_item(TableName=items.settings.dynamodb.sessions_table, Item=item)
        return Named("differing", "sessions", item["pk"]["S"], says)

    return damage


def _cart_as_text(item: dict[str, Any]) -> None:
    lines = {p: {f: int(n["N"]) for f, n in line["M"].items()} for p, line in item["cart"]["M"].items()}
    item["cart"] = {"S": str(lines).replace("'", '"').replace(" ", "")}


def _foreign_item(items: Items) -> Named:
    table = items.settings.dynamodb.orders_table
    item = {"pk": {"S": "zz"}, "sk": {"S": "zz"}, "b": {"B": b"\xff"}, "l": {"L": [{"M": {"n": {"NULL": True}}}]}}
    items.client.put_item(TableName=table, Item=item)
    return Named("duplicated", "orders", "zz/zz", "no event made it")


def _no_expiry(items: Items) -> Named:
    items.client.update_time_to_live(
        TableName=items.settings.dynamodb.sessions_table,
        TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires_at"},
    )
    return Named("differing", "structure", "expiry of sessions", "expected 'expires_at', found 'none'")


DYNAMODB: Mapping[str, Callable[[Items], Named]] = {
    "a cart that is the text of it": _session(0, '{"S":"{', _cart_as_text, full=True),
    "an empty cart that is a text": _session(0, '{"S":"{}"}', lambda d: d.update(cart={"S": "{}"})),
    "a number in the cart that is a text": _session(
        1, '"quantity":"1"', lambda d: next(iter(d["cart"]["M"].values()))["M"].update(quantity={"S": "1"}), full=True
    ),
    "an attribute too many, null": _session(1, '{"evil":{"NULL":true}}', lambda d: d.update(evil={"NULL": True})),
    "an attribute that is null": _session(2, "campaign: expected null", lambda d: d.update(campaign={"NULL": True})),
    "a number with a fraction": _session(3, "1.5", lambda d: d.update(pages={"N": "1.5"})),
    "a number that is a text": _session(4, '{"S":"1"}', lambda d: d.update(pages={"S": "1"})),
    "a text that is a list": _session(5, '{"L":', lambda d: d.update(device={"L": [d["device"]]})),
    "folded is gone": _session(6, "folded: expected '{", lambda d: d.pop("folded")),
    "folded is changed": _session(
        7, "folded: expected '{", lambda d: d["folded"]["M"].update({"clicks-9": {"N": "1"}})
    ),
    "rev is gone": _session(8, "rev: expected 'a positive integer', found null", lambda d: d.pop("rev")),
    "an older generation": _session(9, "generation: expected", lambda d: d.update(generation={"N": "77"})),
    "an item of another shape": _foreign_item,
    "no expiry": _no_expiry,
}


@contextmanager
def items_of(settings: Settings) -> Iterator[Items]:
    client = aws.client("dynamodb")
    pages = client.get_paginator("scan").paginate(TableName=settings.dynamodb.sessions_table)
    found = [item for page in pages for item in page["Items"]]
    ours = [item for item in found if item["pk"]["S"].startswith("s-")]  # not what others have planted
    yield Items(client, settings, sorted(ours, key=lambda item: item["pk"]["S"]))


# ---- the lake


class Tables(NamedTuple):
    catalog: Catalog
    database: str

    def table(self, topic: str) -> Table:
        return self.catalog.load_table((self.database, topic))

    def rewrite(self, topic: str, change: Callable[[bytes], bytes]) -> str:
        """Changes one data file in place, as a disk would; its address."""
        table = self.table(topic)
        address = max(task.file.file_path for task in table.scan().plan_files())
        bucket, key = address.removeprefix("s3://").split("/", 1)
        client = aws.client("s3")
        body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        client.put_object(Bucket=bucket, Key=key, Body=change(body))
        return address


def lake_column_too_many(tables: Tables) -> Named:
    with tables.table("customers").update_schema() as update:
        update.add_column("evil", StringType())
    return Named("duplicated", "structure", "column evil of customers", "VARCHAR")


def lake_property_that_retries(tables: Tables) -> Named:
    with tables.table("customers").transaction() as change:
        change.set_properties({"commit.retry.num-retries": "4"})
    return Named("differing", "structure", "property commit.retry.num-retries of customers", "expected '0', found '4'")


def lake_partitions_gone(tables: Tables) -> Named:
    with tables.table("customers").update_spec() as update:
        update.remove_field("occurred_day")
    return Named("differing", "structure", "partition by of customers", "day(occurred_at)")


def lake_sorted(tables: Tables) -> Named:
    with tables.table("products").update_sort_order() as update:
        update.asc("event_id", IdentityTransform())
    return Named("differing", "structure", "sort order of products", "expected 'none', found 'identity(event_id)")


def lake_branch(tables: Tables) -> Named:
    table = tables.table("products")
    snapshot = table.current_snapshot()
    assert snapshot is not None
    with table.manage_snapshots() as change:
        change.create_branch(snapshot.snapshot_id, "mine")
    return Named("differing", "structure", "branches of products", "found 'main, mine'")


def lake_table_too_many(tables: Tables) -> Named:
    tables.catalog.create_table((tables.database, "more"), Schema(NestedField(1, "a", StringType())))
    return Named("duplicated", "structure", "table more", "no topic")


def lake_value_cut_in_half(tables: Tables) -> Named:
    def cut(body: bytes) -> bytes:
        rows = parquet.read_table(io.BytesIO(body))
        ids = [text.encode() for text in rows["event_id"].to_pylist()]
        ids[0] = b"\xf0\x9f"
        place = rows.schema.get_field_index("event_id")
        halved = _unchecked(ids)
        out = io.BytesIO()
        parquet.write_table(rows.set_column(place, rows.schema.field(place).with_type(halved.type), halved), out)
        where.append(f"{rows['kafka_partition'][0]}/{rows['kafka_offset'][0]}")
        return out.getvalue()

    where: list[str] = []
    tables.rewrite("orders", cut)
    return Named("differing", "orders", where[0], "not UTF-8: b'")


def _unchecked(texts: list[bytes]) -> pa.Array:
    """An array of strings whose bytes nobody has looked at."""
    held = pa.array(texts, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(held), held.buffers())


def lake_file_cut_off(tables: Tables) -> Named:
    address = tables.rewrite("products", lambda body: body[: len(body) // 2])
    return Named("differing", "structure", f"file {address} of products", "a Parquet file that can be read")


def lake_file_gone(tables: Tables) -> Named:
    address = min(task.file.file_path for task in tables.table("inventory").scan().plan_files())
    bucket, key = address.removeprefix("s3://").split("/", 1)
    aws.client("s3").delete_object(Bucket=bucket, Key=key)
    return Named("differing", "structure", f"file {address} of inventory", "no such file")


def lake_metadata_gone(tables: Tables) -> Named:
    address = tables.table("clicks").metadata_location
    bucket, key = address.removeprefix("s3://").split("/", 1)
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"{")
    return Named("differing", "structure", "table clicks", "metadata that can be read")


LAKE = {
    "a column too many": lake_column_too_many,
    "a property that retries": lake_property_that_retries,
    "a table without partitions": lake_partitions_gone,
    "a table that is sorted": lake_sorted,
    "a branch too many": lake_branch,
    "a table too many": lake_table_too_many,
    "a value that was cut in half": lake_value_cut_in_half,
    "a file that was cut off": lake_file_cut_off,
    "a file that is gone": lake_file_gone,
    "metadata that is none": lake_metadata_gone,
}


@contextmanager
def tables_of(settings: Settings) -> Iterator[Tables]:
    yield Tables(open_catalog(settings), settings.lake.database)


# ---- the stores together

HIDDEN: Mapping[str, tuple[Callable[[Settings], Any], Mapping[str, Callable[[Any], Named]]]] = {
    "redis": (
        board_of,
        {
            damage.__name__.replace("_", " "): damage
            for damage in (
                expiring_key,
                expiring_field,
                foreign_key,
                key_of_another_type,
                key_that_is_no_text,
                number_written_otherwise,
                field_that_is_no_text,
                value_that_is_no_text,
                score_with_a_fraction,
            )
        },
    ),
    "mongo": (
        documents_of,
        {
            name: _changed_customer(number, says, change)
            for number, (name, (says, change)) in enumerate(MONGO_DOCUMENTS.items())
        }
        | {
            "id that is a number": id_that_is_a_number,
            "extra collection": extra_collection,
            "extra index": extra_index,
            "index that is gone": index_that_is_gone,
        },
    ),
    "postgres": (lambda settings: psycopg.connect(settings.postgres.conninfo(), autocommit=True), POSTGRES),
    "dynamodb": (items_of, DYNAMODB),
    "lake": (tables_of, LAKE),
}
