"""The seam between the stream and a store: what a batch is, and what a sink promises."""

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
    """Offsets that a batch covers: `start` is its first, `stop` the first after it. There may be gaps inside."""

    start: int
    stop: int


Epoch: TypeAlias = int
Ownership: TypeAlias = Mapping[TopicPartition, Epoch]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a store has applied one partition.

    Attributes:
        next_offset: the first offset whose event is not in the store yet.
        epoch: number of the owner who may write; each new owner's is higher.
    """

    next_offset: int
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class Batch:
    """Valid events that were read together, in offset order within each partition.

    Attributes:
        events: by topic, one row per event: `Topic.columns`, `partition` (int32) and `offset` (int64).
        ranges: how far each partition was read, also where no valid event came of it.
    """

    events: Mapping[str, pl.DataFrame]
    ranges: Mapping[TopicPartition, OffsetRange]

    def __len__(self) -> int:
        return sum(len(frame) for frame in self.events.values())

    def of(self, topic: str) -> Batch:
        """The part of the batch that comes from one topic."""
        events = {topic: self.events[topic]} if topic in self.events else {}
        return Batch(events, {p: read for p, read in self.ranges.items() if p.topic == topic})

    def without(self, partitions: Iterable[TopicPartition]) -> Batch:
        """The batch without what comes from these partitions."""
        gone = frozenset(partitions)
        events = {}
        for topic, frame in self.events.items():
            numbers = [p.partition for p in gone if p.topic == topic]
            events[topic] = frame.filter(~pl.col("partition").is_in(numbers)) if numbers else frame
        return Batch(events, {p: read for p, read in self.ranges.items() if p not in gone})

    def fresh(self, store: str, found: Mapping[TopicPartition, Checkpoint], owner: Ownership) -> Batch:
        """What of this batch is to be applied, by what the store was found to hold; empty ranges fall away.

        Raises:
            Fenced: a partition belongs to another epoch than the owner's, or the store has never heard of it.
            Misplaced: the batch starts after the checkpoint, so that events in between would be lost.
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
                    fix="restart the sink; it reads its checkpoint again and seeks to it",
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
    """One store. `apply` makes the effect of a batch exactly once, however often it is called."""

    name: str
    topics: frozenset[str]

    @abstractmethod
    async def prepare(self) -> None:
        """Make tables, collections and indexes; harmless where they are there already."""

    @abstractmethod
    async def open(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Take the partitions over: raise their epochs, so that an earlier owner's writes are refused.

        A partition that the store has never seen starts at offset 0.
        """

    @abstractmethod
    async def checkpoints(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Where the partitions stand, read and nothing else; those that were never opened are left out."""

    @abstractmethod
    async def identify(self, topics: Mapping[str, str]) -> Mapping[str, str]:
        """Note which topic of each name fills this store, where it does not know; say what it knows of them.

        Offsets mean nothing in a topic that was made anew, and a store cannot see that from them. What is noted is
        never changed, and is lost with the data.

        Args:
            topics: name -> a text that no other topic has.
        """

    def split(self, batch: Batch) -> Iterable[Batch]:
        """The batch in parts, of which one call of `apply` takes each, in this order: by default, the whole.

        A part holds the next offsets of each of its partitions, so the checkpoint is right after each.
        """
        return (batch,)

    @abstractmethod
    async def apply(self, batch: Batch, owner: Ownership) -> None:
        """Fold the batch into the store and move the checkpoints of its ranges.

        Raises:
            Fenced: a newer owner holds one of the partitions; nothing was written.
            Backpressure: the store asks to wait; nothing or a part was written, and the same call is safe. Where it
                names partitions, all others were applied.
            StoreUnavailable: the store did not answer; the outcome is unknown, and the same call is safe.
            Misplaced: the batch does not follow the checkpoint; nothing was written.
        """

    @abstractmethod
    async def close(self) -> None:
        """Give back connections."""
