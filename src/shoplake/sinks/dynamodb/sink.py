"""The DynamoDB sink: sessions with their carts, and orders by customer. Conditional writes, 100 per transaction."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from shoplake import aws, failpoints
from shoplake.errors import Backpressure, Fenced, StoreRefused, StoreUnavailable
from shoplake.sinks.base import Checkpoint, TopicPartition
from shoplake.sinks.blocking_calls import PARALLEL_CALLS, StoreThreads
from shoplake.sinks.dynamodb.items import PARTS
from shoplake.sinks.dynamodb.wire_format import Calls, attributes, plain
from shoplake.sinks.keyed import Item, Key, KeyedSink, chunks, describe
from shoplake.sinks.rebuildable import NAME, Filling, State, identity_name
from shoplake.sinks.stored_checkpoints import checkpoint_of, filling_of, identity_of

if TYPE_CHECKING:
    from shoplake.settings import DynamoDBSettings

T = TypeVar("T")

# These are DynamoDB's own limits for one call.
READ_CHUNK = 100
WRITE_CHUNK = 100
WRITE_BYTES = 4_000_000
# Upper bounds: the size of an item without its cart (see contract.limits), and of one line of a cart.
ITEM_BYTES, LINE_BYTES = 10_000, 400
# Attempts after UnprocessedKeys and transaction conflicts, before the caller is asked to wait.
TRIES = 8
KEY_NAMES = {"sessions": ("pk",), "orders": ("pk", "sk"), "checkpoints": ("pk",)}
EARLIER = "attribute_not_exists(generation) OR generation < :filling"
REFUSALS = {"ValidationException", "ValidationError", "ItemCollectionSizeLimitExceeded"}
CONFLICTS = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


class DynamoDBSink(KeyedSink):
    """Applies batches to the sessions and orders tables."""

    name = "dynamodb"
    topics = frozenset(part.topic for part in PARTS)
    parts = PARTS

    def __init__(self, settings: DynamoDBSettings) -> None:
        self._checkpoints = settings.checkpoints_table
        self._tables = {
            "sessions": settings.sessions_table,
            "orders": settings.orders_table,
            "checkpoints": settings.checkpoints_table,
        }
        self._client = aws.client("dynamodb", pool=PARALLEL_CALLS)
        self._calls = Calls(self._client)
        self._threads = StoreThreads(self.name)

    async def prepare(self) -> None:
        """Do nothing: Terraform creates the tables."""

    async def open(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Raise the epoch of each partition and read its checkpoint."""
        filling = await self.filling()
        self.refuse_held(filling)
        self.generation = filling.number
        wanted = sorted(partitions)
        await self.remove_damaged_checkpoints(wanted)
        return dict(zip(wanted, await self._threads.each(self._open, wanted), strict=True))

    async def read(self, collection: str, keys: Sequence[Key]) -> dict[Key, Item]:
        """Read the items that exist, with strong consistency, 100 per request."""
        found = await self._threads.each(lambda chunk: self._read_chunk(collection, chunk), chunks(keys, READ_CHUNK))
        return {key: item for chunk in found for key, item in chunk.items()}

    async def write(self, collection: str, items: Mapping[Key, Item]) -> bool:
        """Write in transactions of 100; one that meets a moved item writes none of its 100."""
        writes = _transactions(list(items.items()))
        return all(await self._threads.each(lambda chunk: self._write_chunk(collection, chunk), writes))

    async def discard(self, collection: str, items: Mapping[Key, Item], unchanged: str = "rev") -> None:
        """Delete items one at a time: there are few."""
        table, names = self._tables[collection], KEY_NAMES[collection]
        keys = [(attributes(dict(zip(names, key, strict=True))), attributes(item)) for key, item in items.items()]
        await self._threads.each(lambda found: self._delete(table, found[0], *_as_found(found[1], unchanged)), keys)

    async def checkpoints(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Checkpoint]:
        """Read the checkpoints."""
        by_key: dict[Key, TopicPartition] = {(str(partition),): partition for partition in partitions}
        rows = await self.read("checkpoints", [*by_key, (str(NAME),)])
        number = self._filling_of(rows).number
        rows.pop((str(NAME),), None)
        current = {key: row for key, row in rows.items() if row.get("generation", 0) == number}
        return {by_key[key]: checkpoint_of(self.name, by_key[key], row) for key, row in current.items()}

    async def identify(self, topics: Mapping[str, str]) -> Mapping[str, str]:
        """Store the topic identities in the table of checkpoints."""
        filling = await self.filling()
        noted = [(identity_name(topic, filling), identity) for topic, identity in topics.items()]
        known = await self._threads.each(lambda item: self._identify(*item), noted)
        return dict(zip(topics, known, strict=True))

    async def advance(self, checkpoints: Mapping[TopicPartition, Checkpoint]) -> None:
        """Advance the checkpoints if the epoch is still ours."""
        updates = [{"Update": self._advance(partition, checkpoint)} for partition, checkpoint in checkpoints.items()]
        for chunk in chunks(updates, WRITE_CHUNK):
            failpoints.hit("dynamodb.checkpoint.before")
            if not await self._threads.call(self._transact, chunk):
                raise Fenced("dynamodb: a newer owner holds one of " + ", ".join(map(str, checkpoints)))
            failpoints.hit("dynamodb.checkpoint.after")

    async def filling(self) -> Filling:
        """Read the state of the current rebuild."""
        return self._filling_of(await self.read("checkpoints", [(str(NAME),)]))

    async def begin_filling(self, partitions: Iterable[TopicPartition], state: State) -> None:
        """Write the new rebuild number, which makes all items old, then open the partitions."""
        number = (await self.filling()).number
        if not await self._threads.call(self._note_filling, Filling(number + 1, state), number):
            raise Fenced("dynamodb: somebody else has begun to rebuild it at the same time")
        await self.open(partitions)

    async def note_filling(self, state: State) -> None:
        """Change the state; for `whole`, first remove the items of earlier rebuilds."""
        number = (await self.filling()).number
        if state == "whole":
            await self._threads.each(lambda collection: self._sweep(collection, number), ["sessions", "orders"])
        await self._threads.call(self._note_filling, Filling(number, state), number)

    async def close(self) -> None:
        """Close the connections."""
        self._threads.close()
        self._client.close()

    def _open(self, partition: TopicPartition) -> Checkpoint:
        """Raise the epoch; a checkpoint of an earlier rebuild is reset to offset 0 in the same step."""
        failpoints.hit("dynamodb.open.before")
        row = (
            self._raise_epoch(partition, "next_offset = :zero, generation = :filling", EARLIER)
            if self.generation
            else {}
        )
        kept = "next_offset = if_not_exists(next_offset, :zero)"
        row = row or self._raise_epoch(partition, kept, self._of_ours)
        if not row:
            raise StoreUnavailable("dynamodb: a rebuild has begun while a partition was taken over")
        failpoints.hit("dynamodb.open.after")
        return checkpoint_of(self.name, partition, row)

    def _filling_of(self, rows: Mapping[Key, Item]) -> Filling:
        row = rows.get((str(NAME),))
        return filling_of(self.name, row.get("filling"), row.get("filling_state")) if row else Filling()

    @property
    def _of_ours(self) -> str:
        """The condition that a row is of our rebuild: after a restore of the store, epochs can repeat."""
        return "generation = :filling" if self.generation else "attribute_not_exists(generation)"

    @property
    def _filling_value(self) -> dict[str, int]:
        return {":filling": self.generation} if self.generation else {}

    def _raise_epoch(self, partition: TopicPartition, change: str, condition: str) -> Item:
        """Update a checkpoint and return it; empty if the condition does not hold."""
        values = {":one": 1, ":zero": 0} | self._filling_value
        try:
            answer = self._call(
                self._client.update_item,
                TableName=self._checkpoints,
                Key={"pk": {"S": str(partition)}},
                UpdateExpression=f"ADD epoch :one SET {change}",
                ConditionExpression=condition,
                ExpressionAttributeValues=attributes(values),
                ReturnValues="ALL_NEW",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return {}
        return plain(answer["Attributes"])

    def _note_filling(self, filling: Filling, found: int) -> bool:
        """Write the state of the rebuild; False if another rebuild than `found` is current."""
        item = {"pk": str(NAME), "filling": filling.number, "filling_state": filling.state}
        try:
            self._call(
                self._client.put_item,
                TableName=self._checkpoints,
                Item=attributes(item),
                ConditionExpression="attribute_not_exists(pk)" if found == 0 else "filling = :found",
                **({"ExpressionAttributeValues": attributes({":found": found})} if found else {}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _sweep(self, collection: str, number: int) -> None:
        """Delete the items that the current filling has not written.

        Raises:
            Fenced: a later filling has begun, and may have written one that is of no earlier filling.
        """
        table, names = self._tables[collection], KEY_NAMES[collection]
        wanted = {
            "TableName": table,
            "FilterExpression": "attribute_not_exists(generation) OR generation <> :filling",
            "ProjectionExpression": ", ".join((*names, "rev", "generation")),
            "ExpressionAttributeValues": attributes({":filling": number}),
            "ConsistentRead": True,
        }
        page: dict[str, Any] = {}
        while not page or "LastEvaluatedKey" in page:
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]} if page else {}
            page = self._call(self._client.scan, **wanted, **start)
            for item in page["Items"]:
                self._delete_of_another(table, item, number, names)

    def _delete_of_another(self, table: str, item: Mapping[str, Any], number: int, names: Sequence[str]) -> None:
        key = {name: item[name] for name in names}
        # One that has been written since stays, by the condition.
        self._delete(table, key, EARLIER, attributes({":filling": number}))
        written_in = plain(item).get("generation", 0)
        if isinstance(written_in, int) and written_in < number:
            return
        if self._filling_of(self._read_chunk("checkpoints", [(str(NAME),)])).number != number:
            raise Fenced("dynamodb: somebody else has begun to rebuild it at the same time")
        rev, generation = _as_found(item, "rev"), _as_found(item, "generation")
        self._delete(table, key, f"{rev[0]} AND {generation[0]}", {**rev[1], **generation[1]})

    def _delete(self, table: str, key: Mapping[str, Any], condition: str, values: Mapping[str, Any]) -> None:
        with contextlib.suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._call(
                self._client.delete_item,
                TableName=table,
                Key=key,
                ConditionExpression=condition,
                **({"ExpressionAttributeValues": values} if values else {}),
            )

    def _identify(self, name: str, identity: str) -> str:
        answer = self._call(
            self._client.update_item,
            TableName=self._checkpoints,
            Key={"pk": {"S": name}},
            UpdateExpression="SET topic_identity = if_not_exists(topic_identity, :identity)",
            ExpressionAttributeValues=attributes({":identity": identity}),
            ReturnValues="ALL_NEW",
        )
        return identity_of(self.name, name, plain(answer["Attributes"])["topic_identity"])

    def _advance(self, partition: TopicPartition, checkpoint: Checkpoint) -> dict[str, Any]:
        return {
            "TableName": self._checkpoints,
            "Key": {"pk": {"S": str(partition)}},
            "UpdateExpression": "SET next_offset = :offset",
            "ConditionExpression": f"epoch = :epoch AND {self._of_ours}",
            "ExpressionAttributeValues": attributes(
                {":offset": checkpoint.next_offset, ":epoch": checkpoint.epoch} | self._filling_value
            ),
        }

    def _read_chunk(self, collection: str, keys: Sequence[Key]) -> dict[Key, Item]:
        table, names = self._tables[collection], KEY_NAMES[collection]
        wanted = {"ConsistentRead": True, "Keys": [attributes(dict(zip(names, k, strict=True))) for k in keys]}
        items: list[Item] = []
        for attempt in range(TRIES):
            answer = self._call(self._calls.batch_get_item, request_items={table: wanted})
            items += [plain(found) for found in answer["Responses"].get(table, ())]
            unprocessed = answer.get("UnprocessedKeys", {}).get(table)
            if not unprocessed:
                return {tuple(item.pop(name) for name in names): item for item in items}
            wanted = unprocessed
            time.sleep(_pause_s(attempt))
        raise Backpressure(f"dynamodb: {table} left keys unprocessed {TRIES} times", retry_after_s=_pause_s(TRIES))

    def _write_chunk(self, collection: str, items: Sequence[tuple[Key, Item]]) -> bool:
        names = KEY_NAMES[collection]
        puts = [
            {
                "Put": {
                    "TableName": self._tables[collection],
                    "Item": attributes(dict(zip(names, key, strict=True)) | item),
                    "ConditionExpression": "rev = :rev" if item["rev"] > 1 else "attribute_not_exists(pk)",
                }
                | ({"ExpressionAttributeValues": attributes({":rev": item["rev"] - 1})} if item["rev"] > 1 else {})
            }
            for key, item in items
        ]
        failpoints.hit("dynamodb.write.before")
        try:
            written = self._transact(puts)
        except StoreRefused as error:
            raise StoreRefused(f"{error.message}; one of {describe(collection, items)}") from error
        failpoints.hit("dynamodb.write.after")
        return written

    def _transact(self, writes: Sequence[dict[str, Any]]) -> bool:
        """Write all or nothing; False if a condition does not hold."""
        for attempt in range(TRIES):
            try:
                self._call(self._calls.transact_write_items, writes=writes)
            except self._client.exceptions.TransactionCanceledException as error:
                codes = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
                if "ConditionalCheckFailed" in codes:
                    return False
                if codes & REFUSALS:
                    raise StoreRefused(f"dynamodb refused a transaction: {error}") from error
                if not codes & CONFLICTS:
                    raise
                time.sleep(_pause_s(attempt))
            else:
                return True
        raise Backpressure(f"dynamodb: a transaction met conflicts {TRIES} times", retry_after_s=_pause_s(TRIES))

    def _call(self, operation: Callable[..., T], **arguments: Any) -> T:  # noqa: ANN401 - boto3 is untyped
        try:
            return operation(**arguments)
        except (
            self._client.exceptions.TransactionCanceledException,
            self._client.exceptions.ConditionalCheckFailedException,
        ):
            raise
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in REFUSALS:
                raise StoreRefused(f"dynamodb refused a request: {error}") from error
            raise StoreUnavailable(
                f"dynamodb did not answer: {error}", fix="is it running, and was `shoplake apply` done?"
            ) from error


def _transactions(items: Sequence[tuple[Key, Item]]) -> list[Sequence[tuple[Key, Item]]]:
    """Items in order, as many at a time as one transaction takes."""
    found: list[list[tuple[Key, Item]]] = [[]]
    size = 0
    for key, item in items:
        own = ITEM_BYTES + LINE_BYTES * len(item.get("cart", ()))
        if len(found[-1]) == WRITE_CHUNK or size + own > WRITE_BYTES:
            found.append([])
            size = 0
        found[-1].append((key, item))
        size += own
    return [chunk for chunk in found if chunk]


def _as_found(item: Mapping[str, Any], name: str) -> tuple[str, dict[str, Any]]:
    """The condition that an attribute is as it was read, and the values of the condition."""
    return (f"{name} = :{name}", {f":{name}": item[name]}) if name in item else (f"attribute_not_exists({name})", {})


def _pause_s(attempt: int) -> float:
    # Full jitter, so that writers that conflicted once do not conflict again.
    return random.uniform(0, min(2.0, 0.05 * 2**attempt))  # noqa: S311 - not a secret
