"""A store in memory: the promises of a sink in their shortest form, and what tests use where no server is wanted.

Nothing of it is used outside of tests; a store that forgets everything with its process is no store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shoplake.sinks.base import Batch, Checkpoint, Ownership, Sink, TopicPartition

Pause = Callable[[str], Awaitable[None]]


@dataclass
class Memory:
    """What outlives a sink: rows as they came, where each partition stands, which topics they came from."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    checkpoints: dict[TopicPartition, Checkpoint] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)

    def forget(self) -> None:
        """Be empty, as after a disk was lost."""
        self.rows.clear()
        self.checkpoints.clear()
        self.identities.clear()


async def at_once(_: str) -> None:
    """No time between two steps."""


class MemorySink(Sink):
    """Keeps every event; rows and checkpoint change in one step, as in a transaction.

    Args:
        memory: the store; sinks that are given the same one are processes on the same store.
        topics: what it reads.
        pause: awaited before a request reaches the store, and before its answer comes back, with the name of the
            request. It may take its time, raise, or never return: that is what stores and networks do.
    """

    name = "memory"

    def __init__(self, memory: Memory, topics: Iterable[str], pause: Pause = at_once) -> None:
        self.topics = frozenset(topics)
        self._memory = memory
        self._pause = pause

    async def prepare(self) -> None:
        """Nothing to make."""

    async def open(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Raise the epochs."""
        await self._pause("open")
        opened = {}
        for partition in partitions:
            found = self._memory.checkpoints.get(partition, Checkpoint(0, 0))
            opened[partition] = Checkpoint(found.next_offset, found.epoch + 1)
        self._memory.checkpoints |= opened
        await self._pause("opened")
        return opened

    async def checkpoints(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Where the partitions stand."""
        await self._pause("read")
        found = {p: self._memory.checkpoints[p] for p in partitions if p in self._memory.checkpoints}
        await self._pause("answer")
        return found

    async def identify(self, topics: Mapping[str, str]) -> Mapping[str, str]:
        """Note the topics that are not known."""
        await self._pause("identify")
        self._memory.identities = {**topics, **self._memory.identities}
        return {topic: self._memory.identities[topic] for topic in topics}

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        """Fold outside of the transaction; look again inside, where the checkpoints may have moved."""
        read = batch.fresh(self.name, await self.checkpoints(batch.ranges), owner)
        rows = _rows(read)
        await self._pause("begin")
        fresh = batch.fresh(self.name, self._memory.checkpoints, owner)
        if fresh.ranges != read.ranges:
            rows = _rows(fresh)
        self._memory.rows += rows
        self._memory.checkpoints |= {p: Checkpoint(part.stop, owner[p]) for p, part in fresh.ranges.items()}
        await self._pause("commit")

    async def close(self) -> None:
        """Nothing is held."""


def _rows(batch: Batch) -> list[dict[str, Any]]:
    return [{"topic": topic, **row} for topic, frame in batch.events.items() for row in frame.iter_rows(named=True)]
