"""An in-memory sink for tests: the shortest implementation of the sink interface, without a server.

It is used only in tests, because its data ends with the process.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shoplake.sinks.base import Batch, Checkpoint, Ownership, Sink, TopicPartition

Pause = Callable[[str], Awaitable[None]]


@dataclass
class Memory:
    """The content of an in-memory store: rows in order of arrival, checkpoints, and topic identities."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    checkpoints: dict[TopicPartition, Checkpoint] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)

    def forget(self) -> None:
        """Delete everything, as after the loss of a disk."""
        self.rows.clear()
        self.checkpoints.clear()
        self.identities.clear()


async def at_once(_: str) -> None:
    """Continue without a pause."""


class MemorySink(Sink):
    """Keeps every event in memory; rows and checkpoints change in one step, as in a transaction.

    Args:
        memory: the store; several sinks can share one, like processes that write to the same store.
        topics: the topics that it reads.
        pause: awaited with the name of the request before it reaches the store, and before its answer returns. It may
            wait, raise, or never return, as stores and networks do.
    """

    name = "memory"

    def __init__(self, memory: Memory, topics: Iterable[str], pause: Pause = at_once) -> None:
        self.topics = frozenset(topics)
        self._memory = memory
        self._pause = pause

    async def prepare(self) -> None:
        """Do nothing: there are no tables to create."""

    async def open(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Raise the epochs of the partitions."""
        await self._pause("open")
        opened = {}
        for partition in partitions:
            found = self._memory.checkpoints.get(partition, Checkpoint(0, 0))
            opened[partition] = Checkpoint(found.next_offset, found.epoch + 1)
        self._memory.checkpoints |= opened
        await self._pause("opened")
        return opened

    async def checkpoints(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Read the checkpoints."""
        await self._pause("read")
        found = {p: self._memory.checkpoints[p] for p in partitions if p in self._memory.checkpoints}
        await self._pause("answer")
        return found

    async def identify(self, topics: Mapping[str, str]) -> Mapping[str, str]:
        """Store the identities of new topics."""
        await self._pause("identify")
        self._memory.identities = {**topics, **self._memory.identities}
        return {topic: self._memory.identities[topic] for topic in topics}

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        """Prepare the rows before the transaction, and prepare them again inside if the checkpoints have moved."""
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
        """Do nothing: there are no connections."""


def _rows(batch: Batch) -> list[dict[str, Any]]:
    return [{"topic": topic, **row} for topic, frame in batch.events.items() for row in frame.iter_rows(named=True)]
