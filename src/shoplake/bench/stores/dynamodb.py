"""Bare boto3: the same items, typed beforehand, by BatchWriteItem, 25 at once and without conditions.

As many calls at once, on as many threads, as the sink makes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeSerializer

from shoplake import aws
from shoplake.bench.stores.keyed import writes
from shoplake.sinks.blocking_calls import PARALLEL_CALLS, in_parallel
from shoplake.sinks.dynamodb.items import PARTS
from shoplake.sinks.dynamodb.sink import KEY_NAMES
from shoplake.sinks.keyed import Item, Key, chunks

if TYPE_CHECKING:
    from shoplake.bench.stopwatch import Stopwatch
    from shoplake.settings import Settings
    from shoplake.sinks.base import Batch

WRITE_CHUNK = 25  # DynamoDB's own limit for one call
COPIED = ("KeySchema", "AttributeDefinitions")
COPIED_OF_INDEX = ("IndexName", "KeySchema", "Projection")


def empty(settings: Settings) -> None:
    """Replace the tables with empty ones."""
    client = aws.client("dynamodb")
    for table in _tables(settings).values():
        copy_table(client, table, table)


def copy_table(client: Any, source: str, target: str) -> None:  # noqa: ANN401 - boto3 has no types
    """Create an empty table with the keys, indexes and expiry of another; an existing target is replaced."""
    found = client.describe_table(TableName=source)["Table"]
    expiry = client.describe_time_to_live(TableName=source)["TimeToLiveDescription"]
    with contextlib.suppress(client.exceptions.ResourceNotFoundException):
        client.delete_table(TableName=target)
        client.get_waiter("table_not_exists").wait(TableName=target)
    definition = {name: found[name] for name in COPIED} | {"TableName": target, "BillingMode": "PAY_PER_REQUEST"}
    if indexes := found.get("GlobalSecondaryIndexes"):
        definition["GlobalSecondaryIndexes"] = [{name: index[name] for name in COPIED_OF_INDEX} for index in indexes]
    client.create_table(**definition)
    client.get_waiter("table_exists").wait(TableName=target)
    if expiry["TimeToLiveStatus"] == "ENABLED":
        wanted = {"Enabled": True, "AttributeName": expiry["AttributeName"]}
        client.update_time_to_live(TableName=target, TimeToLiveSpecification=wanted)


async def write(settings: Settings, batches: Sequence[Batch], watch: Stopwatch) -> None:
    """The items of one write of the sink's after another."""
    client, tables, serialize = aws.client("dynamodb", pool=PARALLEL_CALLS), _tables(settings), TypeSerializer()
    work = [
        [{tables[name]: chunk} for chunk in chunks(_puts(serialize, name, items), WRITE_CHUNK)]
        for name, items in writes(PARTS, batches)
    ]

    def put(items: Mapping[str, Any]) -> None:
        while items:
            items = client.batch_write_item(RequestItems=items).get("UnprocessedItems", {})

    client.describe_limits()  # connects
    watch.start()
    for requests in work:
        await in_parallel(put, requests)
    watch.stop()
    client.close()


def _puts(serialize: TypeSerializer, collection: str, items: Mapping[Key, Item]) -> list[dict[str, Any]]:
    names = KEY_NAMES[collection]
    rows = [dict(zip(names, key, strict=True)) | item for key, item in items.items()]
    return [{"PutRequest": {"Item": {name: serialize.serialize(row[name]) for name in row}}} for row in rows]


def _tables(settings: Settings) -> dict[str, str]:
    found = settings.dynamodb
    return {
        "sessions": found.sessions_table,
        "orders": found.orders_table,
        "checkpoints": found.checkpoints_table,
    }
