"""A worker, or a publisher, that lacks one of its protections: started in the real one's place.

    python worker_unprotected.py PROTECTION ARGUMENTS…

Each entry of `WITHOUT` does what a quickly written sink does, and `verify` has to see the damage: an oracle that never
says no proves nothing.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from shoplake import failpoints, sinks
from shoplake.publish import kafka as publishing
from shoplake.sinks import keyed
from shoplake.sinks.base import Batch, Checkpoint, Ownership, TopicPartition
from shoplake.sinks.dynamodb import sink as dynamodb
from shoplake.sinks.keyed import Item, Key
from shoplake.sinks.lake import tables
from shoplake.sinks.mongo import sink as mongo
from shoplake.sinks.postgres import sink as postgres
from shoplake.sinks.redis import sink as redis
from shoplake.streaming import worker
from shoplake.streaming.dead_letters import router as dead_letters


def offset_first() -> None:
    """Postgres: the checkpoint is committed before the data."""

    async def apply(self: postgres.PostgresSink, batch: Batch, owner: Ownership) -> None:
        connection = await self._connect()
        async with connection.transaction(), connection.cursor() as cursor:
            found = await postgres._checkpoints(cursor, postgres.LOCK, batch)
            fresh = batch.fresh(self.name, found, owner)
            for partition, read in fresh.ranges.items():
                await cursor.execute(postgres.ADVANCE, (read.stop, *partition))
        failpoints.hit("postgres.write.before")
        async with connection.transaction(), connection.cursor() as cursor:
            for table in await postgres._stage(cursor, fresh):
                await cursor.execute(table.upsert(f"pg_temp.staged_{table.name}"))

    postgres.PostgresSink.apply = apply


def blind_retry() -> None:
    """All: a batch that is sent again is applied again, whatever the checkpoint says."""
    Batch.fresh = lambda self, *_: self


def fence() -> None:
    """Postgres: neither who writes is asked, nor what is there."""
    blind_retry()

    async def unread(cursor: object, query: str, batch: Batch) -> dict[TopicPartition, Checkpoint]:
        return {}

    postgres._checkpoints = unread


def script_checks() -> None:
    """Redis: the script counts, without a look at epochs and offsets."""
    blind_retry()
    make = redis.RedisSink.__init__

    def init(self: redis.RedisSink, settings: Any) -> None:
        make(self, settings)
        text = self._script.script
        first, last = text.index("for _, range in ipairs(batch.ranges) do"), text.index("for _, hash in")
        self._script = self._client.register_script(text[:first] + text[last:])

    redis.RedisSink.__init__ = init


def rebased_commits() -> None:
    """The lake: PyIceberg puts a refused commit on top of what it met, and nobody asks whose table it is."""
    tables.TABLE_PROPERTIES["commit.retry.num-retries"] = "4"
    blind_retry()


def folded_offsets() -> None:
    """Keyed stores: an item does not know what it has folded."""
    keyed.newer = lambda events, part, stored: events


def conditions() -> None:
    """Keyed stores: an item is written whether it has moved or not."""
    mongo._write = lambda key, item: mongo.ReplaceOne({"_id": key}, {"_id": key, **item}, upsert=True)

    async def write(self: mongo.MongoSink, collection: str, items: Mapping[Key, Item]) -> bool:
        failpoints.hit("mongo.write.before")
        writes = [mongo._write(key, item) for (key,), item in items.items()]
        if writes:
            await self._database[collection].bulk_write(writes, ordered=False)
        return True

    mongo.MongoSink.write = write

    transact = dynamodb.DynamoDBSink._transact

    def unconditional(self: dynamodb.DynamoDBSink, writes: Sequence[dict[str, Any]]) -> bool:
        for write in writes:
            if put := write.get("Put"):
                put.pop("ConditionExpression")
                put.pop("ExpressionAttributeValues", None)
        return transact(self, writes)

    dynamodb.DynamoDBSink._transact = unconditional


def unprocessed_items() -> None:
    """DynamoDB: batches are written, and what comes back as unprocessed is not looked at."""

    def write_chunk(self: dynamodb.DynamoDBSink, collection: str, items: Sequence[tuple[Key, Item]]) -> bool:
        names, table = dynamodb.KEY_NAMES[collection], self._tables[collection]
        puts = [
            {"PutRequest": {"Item": dynamodb.attributes(dict(zip(names, key, strict=True)) | item)}}
            for key, item in items
        ]
        for chunk in keyed.chunks(puts, 25):
            self._call(self._client.batch_write_item, RequestItems={table: chunk})
        return True

    dynamodb.DynamoDBSink._write_chunk = write_chunk


def transactions() -> None:
    """Publisher and dead letters: events, and how far it is, are sent one after the other."""

    class Plain(publishing.AIOKafkaProducer):
        def __init__(self, **options: Any) -> None:
            options.pop("transactional_id")
            super().__init__(**{k: v for k, v in options.items() if k != "transaction_timeout_ms"})

        @contextlib.asynccontextmanager
        async def _sent(self) -> AsyncIterator[None]:
            yield
            await self.flush()

        async def send_batch(self, *arguments: Any, **options: Any) -> Any:
            delivered = await super().send_batch(*arguments, **options)
            await delivered
            return delivered

        def transaction(self) -> contextlib.AbstractAsyncContextManager[None]:
            return self._sent()

        async def begin_transaction(self) -> None:
            """None."""

        async def commit_transaction(self) -> None:
            await self.flush()

        async def send(self, *arguments: Any, **options: Any) -> Any:
            delivered = await super().send(*arguments, **options)
            await self.flush()
            return delivered

        async def send_offsets_to_transaction(self, offsets: Any, group: str) -> None:
            await self.flush()

    publishing.AIOKafkaProducer = Plain
    dead_letters.AIOKafkaProducer = Plain


WITHOUT: Mapping[str, Callable[[], None]] = {
    "offset-first": offset_first,
    "blind-retry": blind_retry,
    "fence": fence,
    "script-checks": script_checks,
    "rebased-commits": rebased_commits,
    "folded-offsets": folded_offsets,
    "conditions": conditions,
    "unprocessed-items": unprocessed_items,
    "transactions": transactions,
}


def main() -> int:
    protection = sys.argv.pop(1)
    WITHOUT[protection]()
    if sys.argv[1] not in (*sinks.SINKS, worker.DEAD_LETTERS):
        from shoplake.cli.main import main as command

        command()
    return worker.main()


if __name__ == "__main__":
    sys.exit(main())
