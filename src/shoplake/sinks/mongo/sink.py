"""The MongoDB sink: customer and product documents, replaced on the condition that they have not changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from bson.codec_options import CodecOptions
from bson.errors import InvalidDocument
from pymongo import AsyncMongoClient, InsertOne, ReplaceOne, ReturnDocument
from pymongo.errors import BulkWriteError, DocumentTooLarge, DuplicateKeyError, PyMongoError

from shoplake import failpoints
from shoplake.errors import Fenced, StoreRefused, StoreUnavailable
from shoplake.sinks.base import Checkpoint, TopicPartition
from shoplake.sinks.keyed import Item, Key, KeyedSink, chunks, describe
from shoplake.sinks.mongo.documents import PARTS
from shoplake.sinks.rebuildable import NAME, Filling, State, identity_name
from shoplake.sinks.stored_checkpoints import checkpoint_of, filling_of, identity_of

if TYPE_CHECKING:
    from shoplake.settings import MongoSettings

# Small enough for a call to end within the time-out, at 0.1 ms per document.
READ_CHUNK = 1000
WRITE_CHUNK = 1000
TIMEOUT_MS = 20_000
DUPLICATE_KEY = 11000
BSON_OBJECT, BSON_ARRAY = 3, 4


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
            # No automatic retry: after a lost response the sink reads the documents again.
            retryWrites=False,
            w="majority",
            journal=True,
            appname="shoplake-sink-mongo",
        )
        options: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
        self._database = self._client.get_database(settings.database, codec_options=options)

    async def prepare(self) -> None:
        """Create the indexes for common queries."""
        try:
            await self._database["customers"].create_index("profile.segment")
            await self._database["products"].create_index("category")
        except PyMongoError as error:
            raise _unavailable(error) from error

    async def open(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Raise the epoch of each partition and read its checkpoint."""
        filling = await self.filling()
        self.refuse_held(filling)
        self.generation = filling.number
        wanted = sorted(partitions)
        await self.remove_damaged_checkpoints(wanted)
        opened = {}
        try:
            for partition in wanted:
                failpoints.hit("mongo.open.before")
                opened[partition] = await self._open(partition)
                failpoints.hit("mongo.open.after")
        except PyMongoError as error:
            raise _unavailable(error) from error
        return opened

    async def read(self, collection: str, keys: Sequence[Key]) -> dict[Key, Item]:
        """Read the documents that exist."""
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
        """Unordered bulk writes; a document that moved is left as it is."""
        written = [await self._write_chunk(collection, chunk) for chunk in chunks(list(items.items()), WRITE_CHUNK)]
        return all(written)

    async def discard(self, collection: str, items: Mapping[Key, Item], unchanged: str = "rev") -> None:
        """Delete documents one at a time: there are few."""
        try:
            for (key,), item in items.items():
                await self._database[collection].delete_one({"_id": key, unchanged: _as_found(item, unchanged)})
        except PyMongoError as error:
            raise _unavailable(error) from error

    async def _write_chunk(self, collection: str, items: Sequence[tuple[Key, Item]]) -> bool:
        writes = [_write(key, item) for (key,), item in items]
        failpoints.hit("mongo.write.before")
        try:
            result = await self._database[collection].bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            # Another writer has inserted the document first, so it has to be read again.
            if all(e["code"] == DUPLICATE_KEY for e in error.details["writeErrors"]):
                return False
            raise _unavailable(error) from error
        except (DocumentTooLarge, InvalidDocument, OverflowError) as error:  # the last: a number of more than 64 bits
            raise StoreRefused(f"mongo refused a document: {error}; one of {describe(collection, items)}") from error
        except PyMongoError as error:
            raise _unavailable(error) from error
        failpoints.hit("mongo.write.after")
        return result.inserted_count + result.matched_count == len(writes)

    async def checkpoints(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Checkpoint]:
        """Read the checkpoints."""
        by_name = {str(partition): partition for partition in partitions}
        try:
            number = (await self.filling()).number
            rows = await self._database["checkpoints"].find({"_id": {"$in": list(by_name)}}).to_list()
        except PyMongoError as error:
            raise _unavailable(error) from error
        current = [row for row in rows if row.get("generation", 0) == number]
        return {by_name[row["_id"]]: checkpoint_of(self.name, by_name[row["_id"]], row) for row in current}

    async def identify(self, topics: Mapping[str, str]) -> Mapping[str, str]:
        """Store the topic identities in the collection of checkpoints."""
        checkpoints = self._database["checkpoints"]
        filling = await self.filling()
        by_name = {identity_name(topic, filling): topic for topic in topics}
        try:
            for name, topic in by_name.items():
                noted = {"$setOnInsert": {"identity": topics[topic]}}
                await checkpoints.update_one({"_id": name}, noted, upsert=True)
            rows = await checkpoints.find({"_id": {"$in": list(by_name)}}).to_list()
        except PyMongoError as error:
            raise _unavailable(error) from error
        return {by_name[row["_id"]]: identity_of(self.name, row["_id"], row.get("identity")) for row in rows}

    async def advance(self, checkpoints: Mapping[TopicPartition, Checkpoint]) -> None:
        """Advance the checkpoints if the epoch is still ours."""
        try:
            for partition, checkpoint in checkpoints.items():
                failpoints.hit("mongo.checkpoint.before")
                result = await self._database["checkpoints"].update_one(
                    {"_id": str(partition), "epoch": checkpoint.epoch, **self._of_ours},
                    {"$set": {"next_offset": checkpoint.next_offset}},
                )
                if not result.matched_count:
                    raise Fenced(f"mongo: {partition} no longer belongs to epoch {checkpoint.epoch}")
                failpoints.hit("mongo.checkpoint.after")
        except PyMongoError as error:
            raise _unavailable(error) from error

    async def filling(self) -> Filling:
        """Read the state of the current rebuild."""
        try:
            row = await self._database["checkpoints"].find_one({"_id": str(NAME)})
        except PyMongoError as error:
            raise _unavailable(error) from error
        return filling_of(self.name, row.get("number"), row.get("state")) if row else Filling()

    async def begin_filling(self, partitions: Iterable[TopicPartition], state: State) -> None:
        """Write the new rebuild number, which makes all documents old, then open the partitions."""
        number = (await self.filling()).number
        begun = {"number": number + 1, "state": state}
        try:
            if number == 0:
                await self._database["checkpoints"].insert_one({"_id": str(NAME), **begun})
            elif not (
                await self._database["checkpoints"].update_one({"_id": str(NAME), "number": number}, {"$set": begun})
            ).matched_count:
                raise Fenced("mongo: somebody else has begun to rebuild it at the same time")
        except DuplicateKeyError as error:
            raise Fenced("mongo: somebody else has begun to rebuild it at the same time") from error
        except PyMongoError as error:
            raise _unavailable(error) from error
        await self.open(partitions)

    async def note_filling(self, state: State) -> None:
        """Change the state; for `whole`, first remove the documents of earlier rebuilds."""
        filling = await self.filling()
        try:
            if state == "whole":
                for collection in {part.collection for part in PARTS}:
                    await self._database[collection].delete_many({"$or": _before(filling.number)})
                    await self._remove_unreadable(collection, filling)
            own = {"_id": str(NAME), "number": filling.number}
            await self._database["checkpoints"].update_one(own, {"$set": {"state": state}})
        except PyMongoError as error:
            raise _unavailable(error) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _remove_unreadable(self, collection: str, filling: Filling) -> None:
        """Remove what says that another filling wrote it, and is not of an earlier one: no sink wrote that.

        Raises:
            Fenced: a later filling has begun, and may have written it.
        """
        found = await self._database[collection].find({"generation": {"$ne": filling.number}}).to_list()
        if found and (await self.filling()).number != filling.number:
            raise Fenced("mongo: somebody else has begun to rebuild it at the same time")
        for document in found:
            own = {name: _as_found(document, name) for name in ("rev", "generation")}
            await self._database[collection].delete_one({"_id": document["_id"], **own})

    @property
    def _of_ours(self) -> dict[str, Any]:
        """The condition that a row is of our rebuild: after a restore of the store, epochs can repeat."""
        return {"generation": self.generation or {"$exists": False}}

    async def _open(self, partition: TopicPartition) -> Checkpoint:
        """Raise the epoch; a checkpoint of an earlier rebuild is reset to offset 0 in the same step."""
        table, own = self._database["checkpoints"], {"_id": str(partition)}
        if self.generation:
            again = {"$set": {"next_offset": 0, "generation": self.generation}, "$inc": {"epoch": 1}}
            row = await table.find_one_and_update(
                own | {"$or": _before(self.generation)}, again, return_document=ReturnDocument.AFTER
            )
            if row is not None:
                return checkpoint_of(self.name, partition, row)
        # Two steps, because NX-27017 ignores $setOnInsert if the same call returns the document.
        none = {"next_offset": 0, "epoch": 0} | ({"generation": self.generation} if self.generation else {})
        await table.update_one(own, {"$setOnInsert": none}, upsert=True)
        row = await table.find_one_and_update(
            own | self._of_ours, {"$inc": {"epoch": 1}}, return_document=ReturnDocument.AFTER
        )
        if row is None:
            raise StoreUnavailable("mongo: a rebuild has begun while a partition was taken over")
        return checkpoint_of(self.name, partition, row)


def _before(generation: int) -> list[dict[str, Any]]:
    return [{"generation": {"$exists": False}}, {"generation": {"$lt": generation}}]


def _as_found(document: Item, name: str) -> Any:  # noqa: ANN401 - whatever somebody stored
    """The condition that a field is as it was read, which no sink wrote: null stands for absent, too."""
    value = document.get(name)
    if isinstance(value, dict):
        return {"$type": BSON_OBJECT}  # the embedded server cannot compare objects
    return {"$type": BSON_ARRAY} if isinstance(value, list) else value


def _write(key: str, item: Item) -> InsertOne[dict[str, Any]] | ReplaceOne[dict[str, Any]]:
    document = {"_id": key, **item}
    if item["rev"] == 1:
        return InsertOne(document)
    return ReplaceOne({"_id": key, "rev": item["rev"] - 1}, document)


def _unavailable(error: PyMongoError) -> StoreUnavailable:
    return StoreUnavailable(f"mongo did not answer: {error}", fix="is it running? `shoplake status`")
