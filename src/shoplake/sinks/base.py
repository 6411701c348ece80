"""The interface between the stream and a store: the batch, the checkpoint, and the abstract sink."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import polars as pl

from shoplake.errors import Fenced, Misplaced

if TYPE_CHECKING:
    from collections.abc import Iterable


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


class OffsetRange(NamedTuple):
    """The offsets that a batch covers: from `start` up to, but not including, `stop`. There may be gaps inside."""

    start: int
    stop: int


Epoch: TypeAlias = int
Ownership: TypeAlias = Mapping[TopicPartition, Epoch]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a store has applied one partition, and which owner may write.

    Attributes:
        next_offset: the first offset that the store has not applied.
        epoch: number of the current owner; each new owner gets a higher one, and older ones are refused.
    """

    next_offset: int
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class Batch:
    """The valid events of one read, in offset order within each partition.

    Attributes:
        events: topic → one row per event, with `Topic.columns`, `partition` (int32) and `offset` (int64).
        ranges: partition → the offsets that were read, also if they hold no valid event.
    """

    events: Mapping[str, pl.DataFrame]
    ranges: Mapping[TopicPartition, OffsetRange]

    def __len__(self) -> int:
        return sum(len(frame) for frame in self.events.values())

    def of(self, topic: str) -> Batch:
        """The part of the batch that belongs to one topic."""
        events = {topic: self.events[topic]} if topic in self.events else {}
        return Batch(events, {p: read for p, read in self.ranges.items() if p.topic == topic})

    def without(self, partitions: Iterable[TopicPartition]) -> Batch:
        """The batch without the events and ranges of these partitions."""
        removed = frozenset(partitions)
        events = {}
        for topic, frame in self.events.items():
            numbers = [p.partition for p in removed if p.topic == topic]
            events[topic] = frame.filter(~pl.col("partition").is_in(numbers)) if numbers else frame
        return Batch(events, {p: read for p, read in self.ranges.items() if p not in removed})

    def fresh(self, store: str, found: Mapping[TopicPartition, Checkpoint], owner: Ownership) -> Batch:
        """The part of the batch that the store has not applied yet; ranges that become empty are removed.

        Args:
            store: name of the store, for messages.
            found: the checkpoints in the store.
            owner: the epochs of the caller.

        Raises:
            Fenced: the store has another epoch for a partition, or no checkpoint of it.
            Misplaced: the batch starts after the checkpoint, so the events in between would be lost.
        """
        ranges = {}
        for partition, read in self.ranges.items():
            checkpoint = found.get(partition)
            if checkpoint is None or checkpoint.epoch != owner[partition]:
                holder = None if checkpoint is None else checkpoint.epoch
                raise Fenced(f"{store}: {partition} belongs to epoch {holder}, not to {owner[partition]}")
            done = checkpoint.next_offset
            if read.start > done:
                raise Misplaced(
                    f"{store}: {partition}: expected a batch from offset {done} on, found one from {read.start}",
                    fix="restart the sink: it reads its checkpoint and seeks to it",
                )
            if read.stop > done:
                ranges[partition] = OffsetRange(max(read.start, done), read.stop)
        if ranges == self.ranges:
            return self
        return Batch({t: _since(t, frame, ranges) for t, frame in self.events.items()}, ranges)


def _since(topic: str, events: pl.DataFrame, ranges: Mapping[TopicPartition, OffsetRange]) -> pl.DataFrame:
    starts = {tp.partition: read.start for tp, read in ranges.items() if tp.topic == topic}
    if not starts:
        return events.clear()
    start = pl.col("partition").replace_strict(starts, default=2**62, return_dtype=pl.Int64)
    return events.filter(pl.col("offset") >= start)


class Sink(ABC):
    """Writes batches to one store. `apply` has its effect exactly once, however often it is called with a batch."""

    name: str
    topics: frozenset[str]

    @abstractmethod
    async def prepare(self) -> None:
        """Create tables, collections and indexes. Idempotent."""

    @abstractmethod
    async def open(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Become the owner of the partitions: raise their epochs, so that the store refuses writes of earlier owners.

        A partition that is new to the store starts at offset 0.

        Returns:
            The checkpoint of each partition, with the new epoch.
        """

    @abstractmethod
    async def checkpoints(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Read the checkpoints, without changing them; partitions that were never opened are missing."""

    @abstractmethod
    async def identify(self, topics: Mapping[str, str]) -> Mapping[str, str]:
        """Store the identity of each topic on first use, and return the stored identities.

        After a topic was deleted and created again, the same offsets are other events, and only the identity shows it.
        A stored identity is never changed. It is deleted with the data.

        Args:
            topics: topic name → a text that identifies this topic, and no other.
        """

    def split(self, batch: Batch) -> Iterable[Batch]:
        """Split a batch into parts, one for each call of `apply`, in this order. By default there is one part.

        Each part continues its partitions where the part before ended, so the checkpoint is right after each part.
        """
        return (batch,)

    @abstractmethod
    async def apply(self, batch: Batch, owner: Ownership) -> None:
        """Write the events of the batch, and advance the checkpoints of its ranges, exactly once.

        Raises:
            Fenced: a partition has a newer owner; nothing was written.
            Backpressure: the store asks to wait. Nothing or a part was written; the call can be repeated. If the error
                names partitions, all other partitions were applied.
            StoreUnavailable: the store did not answer. The outcome is unknown; the call can be repeated.
            Misplaced: the batch does not start at the checkpoint; nothing was written.
        """

    @abstractmethod
    async def close(self) -> None:
        """Close connections and threads."""
