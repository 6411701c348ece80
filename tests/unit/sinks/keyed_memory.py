"""A keyed store in memory: what outlives a sink, and a sink that can be made to wait or die before each call."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shoplake.errors import Fenced, StoreUnavailable
from shoplake.sinks.base import Batch, Checkpoint, OffsetRange, TopicPartition
from shoplake.sinks.dynamodb import items as dynamodb_items
from shoplake.sinks.keyed import Item, Key, KeyedSink, fold_items
from shoplake.sinks.mongo import documents
from shoplake.sinks.rebuildable import Filling, State

from .small_log import Log, batch_of, whole

ITEM_PARTS = dynamodb_items.PARTS
DOCUMENT_PARTS = tuple(part for part in documents.PARTS if part.topic in ("orders", "reviews"))
Items = dict[str, dict[Key, Item]]


@dataclass
class Store:
    """What outlives a sink."""

    items: Items = field(default_factory=dict)
    checkpoints: dict[TopicPartition, Checkpoint] = field(default_factory=dict)
    opened_in: dict[TopicPartition, int] = field(default_factory=dict)
    filling: Filling = field(default_factory=Filling)


async def at_once() -> None:
    """No delay between two calls to the store."""


class MemorySink(KeyedSink):
    """Items in a dict. `pause` is awaited before each thing that reaches the store, and may raise."""

    name = "memory"

    def __init__(self, store: Store, parts: Any, pause: Callable[[], Awaitable[None]] = at_once) -> None:
        self.parts = parts
        self.topics = frozenset(part.topic for part in parts)
        self._store = store
        self._pause = pause

    async def prepare(self) -> None: ...

    async def close(self) -> None: ...

    async def open(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Checkpoint]:
        await self._pause()
        filling = self._store.filling
        self.refuse_held(filling)
        self.generation = filling.number
        opened = {}
        for partition in partitions:
            await self._pause()
            found = self._store.checkpoints.get(partition, Checkpoint(0, 0))
            opened_in = self._store.opened_in.get(partition, 0)
            if opened_in > self.generation:
                raise StoreUnavailable("a rebuild has begun")
            start = found.next_offset if opened_in == self.generation else 0
            opened[partition] = self._store.checkpoints[partition] = Checkpoint(start, found.epoch + 1)
            self._store.opened_in[partition] = self.generation
        return opened

    async def read(self, collection: str, keys: Sequence[Key]) -> dict[Key, Item]:
        await self._pause()
        stored = self._store.items.setdefault(collection, {})
        found = {key: copy.deepcopy(stored[key]) for key in keys if key in stored}
        await self._pause()  # the answer is on its way, and may be out of date when it is here
        return found

    async def write(self, collection: str, items: Mapping[Key, Item]) -> bool:
        stored, moved = self._store.items.setdefault(collection, {}), False
        for key, item in items.items():
            await self._pause()
            if (stored[key].get("rev") if key in stored else 0) == item["rev"] - 1:
                stored[key] = copy.deepcopy(item)
            else:
                moved = True
        await self._pause()
        return not moved

    async def discard(self, collection: str, items: Mapping[Key, Item], unchanged: str = "rev") -> None:
        stored = self._store.items[collection]
        for key, item in items.items():
            await self._pause()
            if key in stored and stored[key].get(unchanged) == item.get(unchanged):
                del stored[key]

    async def checkpoints(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Checkpoint]:
        await self._pause()
        ours = {p for p, number in self._store.opened_in.items() if number == self._store.filling.number}
        return {p: self._store.checkpoints[p] for p in partitions if p in ours}

    async def identify(self, topics: Mapping[str, str]) -> Mapping[str, str]:
        return topics

    async def advance(self, checkpoints: Mapping[TopicPartition, Checkpoint]) -> None:
        for partition, checkpoint in checkpoints.items():
            await self._pause()
            of_ours = self._store.opened_in[partition] == self.generation
            if not of_ours or self._store.checkpoints[partition].epoch != checkpoint.epoch:
                raise Fenced(str(partition))
            self._store.checkpoints[partition] = checkpoint

    async def filling(self) -> Filling:
        await self._pause()
        return self._store.filling

    async def begin_filling(self, partitions: Iterable[TopicPartition], state: State) -> None:
        await self._pause()
        self._store.filling = Filling(self._store.filling.number + 1, state)
        await self.open(partitions)

    async def note_filling(self, state: State) -> None:
        number = self._store.filling.number
        if state == "whole":
            for collection in self._store.items.values():
                for key in [key for key, item in collection.items() if item.get("generation", 0) != number]:
                    await self._pause()
                    if collection[key].get("generation", 0) != number:
                        del collection[key]
        await self._pause()
        self._store.filling = Filling(number, state)


def folded_at_once(log: Log, parts: Any) -> Items:
    """Each part's fold of all its events, in one go."""
    items: Items = {}
    events = whole(log).events
    for part in parts:
        collection = items.setdefault(part.collection, {})
        collection |= fold_items(events[part.topic], part, collection)
    return content(items)


def content(items: Items) -> Items:
    """Items without `rev`, which counts writes, not events, and without which filling wrote them."""
    return {
        name: {key: {**item, "rev": None, "generation": None} for key, item in found.items()}
        for name, found in items.items()
        if found
    }


def cut(log: Log, step: Callable[[], int], at: Mapping[TopicPartition, int]) -> Batch:
    """The next batch: of each partition, as many events more as `step` says."""
    stops = {p: min(len(events), at[p] + step()) for p, events in log.items()}
    return batch_of(log, {p: OffsetRange(at[p], stop) for p, stop in stops.items() if stop > at[p]})


async def apply_all(sink: KeyedSink, log: Log, step: Callable[[], int]) -> None:
    """Take over and carry the log to its end."""
    opened = await sink.open(sorted(log))
    at = {p: checkpoint.next_offset for p, checkpoint in opened.items()}
    owner = {p: checkpoint.epoch for p, checkpoint in opened.items()}
    while any(at[p] < len(events) for p, events in log.items()):
        batch = cut(log, step, at)
        await sink.apply(batch, owner)
        at |= {p: read.stop for p, read in batch.ranges.items()}
