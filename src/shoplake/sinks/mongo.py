"""MongoDB: customer 360 and catalogue documents, replaced on the condition that they have not moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from bson.codec_options import CodecOptions
from pymongo import AsyncMongoClient, InsertOne, ReplaceOne, ReturnDocument
from pymongo.errors import BulkWriteError, PyMongoError

from shoplake import failpoints
from shoplake.errors import Fenced, StoreUnavailable
from shoplake.sinks.base import Checkpoint, TopicPartition
from shoplake.sinks.keyed import Item, Key, KeyedSink, chunks
from shoplake.sinks.mongo_documents import PARTS

if TYPE_CHECKING:
    from shoplake.settings import MongoSettings

READ_CHUNK = 1000
TIMEOUT_MS = 20_000
DUPLICATE_KEY = 11000


class MongoSink(KeyedSink):
    """Applies batches to the collections `customers` and `products`."""

    name = "mongo"
    topics = frozenset(part.topic for part in PARTS)
    parts = PARTS

    def __init__(self, settings: MongoSettings) -> None:
        self._client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            **settings.options(),
            serverSelectionTimeoutMS=5000,
            socketTimeoutMS=TIMEOUT_MS,
            # A write that may have happened is read back, not sent again.
            retryWrites=False,
            w="majority",
            journal=True,
            appname="shoplake-sink-mongo",
        )
        options: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
        self._database = self._client.get_database(settings.database, codec_options=options)

    async def prepare(self) -> None:
        """Make the indexes that people ask by."""
        try:
            await self._database["customers"].create_index("profile.segment")
            await self._database["products"].create_index("category")
        except PyMongoError as error:
            raise _unavailable(error) from error

    async def open(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Raise each partition's epoch and read where it stands."""
        opened = {}
        try:
            for partition in sorted(partitions):
                own = {"_id": str(partition)}
                none = {"next_offset": 0, "epoch": 0}
                failpoints.reach("mongo.open.before")
                # Two steps, since NX-27017 forgets $setOnInsert when it is asked for the document in the same call.
                await self._database["checkpoints"].update_one(own, {"$setOnInsert": none}, upsert=True)
                row = await self._database["checkpoints"].find_one_and_update(
                    own, {"$inc": {"epoch": 1}}, return_document=ReturnDocument.AFTER
                )
                assert row is not None  # noqa: S101 - made one line above
                opened[partition] = Checkpoint(row["next_offset"], row["epoch"])
                failpoints.reach("mongo.open.after")
        except PyMongoError as error:
            raise _unavailable(error) from error
        return opened

    async def read(self, collection: str, keys: Sequence[Key]) -> dict[Key, Item]:
        """The documents that exist."""
        found: dict[Key, Item] = {}
        try:
            for chunk in chunks(keys, READ_CHUNK):
                names = [key for (key,) in chunk]
                async for document in self._database[collection].find({"_id": {"$in": names}}):
                    found[(document.pop("_id"),)] = document
        except PyMongoError as error:
            raise _unavailable(error) from error
        return found

    async def write(self, collection: str, items: Mapping[Key, Item]) -> bool:
        """One unordered bulk write; a document that moved is left as it is."""
        if not items:
            return True
        writes = [_write(key, item) for (key,), item in items.items()]
        failpoints.reach("mongo.write.before")
        try:
            result = await self._database[collection].bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            # An insert met a document that another writer made first: it is to be read again.
            if all(e["code"] == DUPLICATE_KEY for e in error.details["writeErrors"]):
                return False
            raise _unavailable(error) from error
        except PyMongoError as error:
            raise _unavailable(error) from error
        failpoints.reach("mongo.write.after")
        return result.inserted_count + result.matched_count == len(writes)

    async def checkpoints(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Checkpoint]:
        """Where the partitions stand."""
        by_name = {str(partition): partition for partition in partitions}
        try:
            rows = await self._database["checkpoints"].find({"_id": {"$in": list(by_name)}}).to_list()
        except PyMongoError as error:
            raise _unavailable(error) from error
        return {by_name[row["_id"]]: Checkpoint(row["next_offset"], row["epoch"]) for row in rows}

    async def identify(self, topics: Mapping[str, str]) -> Mapping[str, str]:
        """Note the topics beside the checkpoints, each under its name."""
        checkpoints = self._database["checkpoints"]
        try:
            for topic, identity in topics.items():
                await checkpoints.update_one({"_id": topic}, {"$setOnInsert": {"identity": identity}}, upsert=True)
            rows = await checkpoints.find({"_id": {"$in": list(topics)}}).to_list()
        except PyMongoError as error:
            raise _unavailable(error) from error
        return {row["_id"]: row["identity"] for row in rows}

    async def advance(self, checkpoints: Mapping[TopicPartition, Checkpoint]) -> None:
        """Move the checkpoints where the epoch is still ours."""
        try:
            for partition, checkpoint in checkpoints.items():
                failpoints.reach("mongo.checkpoint.before")
                result = await self._database["checkpoints"].update_one(
                    {"_id": str(partition), "epoch": checkpoint.epoch},
                    {"$set": {"next_offset": checkpoint.next_offset}},
                )
                if not result.matched_count:
                    raise Fenced(f"mongo: {partition} no longer belongs to epoch {checkpoint.epoch}")
                failpoints.reach("mongo.checkpoint.after")
        except PyMongoError as error:
            raise _unavailable(error) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _write(key: str, item: Item) -> InsertOne[dict[str, Any]] | ReplaceOne[dict[str, Any]]:
    document = {"_id": key, **item}
    if item["rev"] == 1:
        return InsertOne(document)
    return ReplaceOne({"_id": key, "rev": item["rev"] - 1}, document)


def _unavailable(error: PyMongoError) -> StoreUnavailable:
    return StoreUnavailable(f"mongo did not answer: {error}", fix="is it running? `shoplake status`")
