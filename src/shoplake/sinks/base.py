"""The seam between the stream and a store: what a batch is, and what a sink promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import polars as pl

from shoplake.errors import SinkError

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

    def after(self, checkpoints: Mapping[TopicPartition, Checkpoint]) -> Batch:
        """What of this batch the store has not applied yet; empty ranges fall away.

        Raises:
            SinkError: the batch starts after the checkpoint, so that events in between would be lost.
        """
        ranges = {}
        for partition, read in self.ranges.items():
            done = checkpoints[partition].next_offset
            if read.start > done:
                raise SinkError(
                    f"{partition}: expected a batch from offset {done} on, found one from {read.start}",
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
    async def apply(self, batch: Batch, owner: Ownership) -> None:
        """Fold the batch into the store and move the checkpoints of its ranges.

        Raises:
            Fenced: a newer owner holds one of the partitions; nothing was written.
            Backpressure: the store asks to wait; nothing or a part was written, and the same call is safe.
            StoreUnavailable: the store did not answer; the outcome is unknown, and the same call is safe.
            SinkError: the batch does not follow the checkpoint.
        """

    @abstractmethod
    async def close(self) -> None:
        """Give back connections."""
