"""Bare PyMongo: the same documents, by unordered bulk writes that ask for nothing but the key. One connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pymongo import AsyncMongoClient, InsertOne, MongoClient, ReplaceOne

from shoplake.bench.stores.keyed import writes
from shoplake.sinks.mongo.documents import PARTS

if TYPE_CHECKING:
    from shoplake.bench.stopwatch import Stopwatch
    from shoplake.settings import Settings
    from shoplake.sinks.base import Batch
    from shoplake.sinks.keyed import Item, Key


def empty(settings: Settings) -> None:
    """Drop the database; the sink makes its indexes again."""
    with MongoClient[dict[str, Any]](**settings.mongo.options()) as client:
        client.drop_database(settings.mongo.database)


async def write(settings: Settings, batches: Sequence[Batch], watch: Stopwatch) -> None:
    """One bulk write for each of the sink's, with its durability and beside its indexes."""
    work = [(name, [_write(key, item) for key, item in items.items()]) for name, items in writes(PARTS, batches)]
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(**settings.mongo.options(), w="majority", journal=True)
    async with client:
        database = client[settings.mongo.database]
        await database["customers"].create_index("profile.segment")
        await database["products"].create_index("category")
        watch.start()
        for name, requests in work:
            await database[name].bulk_write(requests, ordered=False)
        watch.stop()


def _write(key: Key, item: Item) -> InsertOne[dict[str, Any]] | ReplaceOne[dict[str, Any]]:
    document = {"_id": key[0], **item}
    return InsertOne(document) if item["rev"] == 1 else ReplaceOne({"_id": key[0]}, document)
