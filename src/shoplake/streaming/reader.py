"""Reads the log for one sink: polls many partitions into one batch, and says how far each was read."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
from aiokafka import ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from shoplake import kafka
from shoplake.contract import TOPICS, decode
from shoplake.errors import StreamHalted
from shoplake.sinks.base import Batch, Checkpoint, OffsetRange, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiokafka import ConsumerRecord

    from shoplake.settings import KafkaSettings

POLL_MS = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """When a batch is full.

    Attributes:
        max_records: at most so many events (memory: about 1 kB each).
        linger_s: wait at most so long for more after the first.
    """

    max_records: int = 50_000
    linger_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Raw:
    """Records as Kafka gave them, and the offsets they cover."""

    records: Mapping[TopicPartition, Sequence[ConsumerRecord[Any, Any]]]
    ranges: Mapping[TopicPartition, OffsetRange]

    def __len__(self) -> int:
        return sum(len(records) for records in self.records.values())


class LogReader(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """A consumer whose positions are the store's checkpoints; Kafka's own offsets serve for lag only."""

    def __init__(
        self,
        cluster: KafkaSettings,
        group: str,
        topics: Iterable[str],
        limits: Limits,
        overruled: frozenset[tuple[str, int, int]] = frozenset(),
    ) -> None:
        self._cluster = cluster
        self._topics = sorted(topics)
        self._limits = limits
        # Events that an earlier contract refused: they stay refused at their place, and count where they are replayed.
        self._overruled = overruled
        self._consumer = kafka.consumer(cluster, group=group)
        self._positions: dict[TopicPartition, int] = {}
        # Counts rebalances, so that the loop notices one between two polls.
        self.generation = 0
        self._busy = asyncio.Lock()

    async def start(self) -> None:
        """Join the group."""
        async with kafka.answering(self._cluster):
            await self._consumer.start()
            await self._refuse_missing_topics()
            self._consumer.subscribe(self._topics, listener=self)

    async def stop(self) -> None:
        """Leave the group."""
        await self._consumer.stop()

    async def on_partitions_revoked(self, revoked: object) -> None:
        """Called by the consumer before a rebalance: wait until the batch in hand is in the store."""
        del revoked
        async with self._busy:
            self._positions.clear()

    async def on_partitions_assigned(self, assigned: object) -> None:
        """Called by the consumer after a rebalance."""
        del assigned
        self.generation += 1

    @property
    def busy(self) -> asyncio.Lock:
        """Held while a batch is read and applied; a rebalance waits for it."""
        return self._busy

    @property
    def placed(self) -> bool:
        """Whether we stand anywhere in the log; not so during a rebalance, when a lag of 0 means nothing."""
        return bool(self._positions)

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions that are ours now."""
        return frozenset(TopicPartition(tp.topic, tp.partition) for tp in self._consumer.assignment())

    async def seek(self, checkpoints: Mapping[TopicPartition, Checkpoint]) -> None:
        """Go to where the store stands.

        Raises:
            StreamHalted: the log no longer has, or does not yet have, the offset: going on would skip events.
        """
        partitions = [KafkaPartition(*p) for p in checkpoints]
        async with kafka.answering(self._cluster):
            begins = await self._consumer.beginning_offsets(partitions)
            ends = await self._consumer.end_offsets(partitions)
            for partition, checkpoint in checkpoints.items():
                tp = KafkaPartition(*partition)
                _refuse_gap(partition, checkpoint.next_offset, begins[tp], ends[tp])
                self._consumer.seek(tp, checkpoint.next_offset)
        self._positions = {p: c.next_offset for p, c in checkpoints.items()}

    async def read(self) -> Raw:
        """The next events: up to the limits, or what there is."""
        records: dict[TopicPartition, list[ConsumerRecord[Any, Any]]] = {}
        count = 0
        deadline = time.monotonic() + self._limits.linger_s
        while count < self._limits.max_records:
            polled = await self._poll(self._limits.max_records - count)
            for partition, found in polled.items():
                records.setdefault(partition, []).extend(found)
                count += len(found)
            if time.monotonic() >= deadline or not polled:
                break
        return Raw(records, await self._advance())

    async def _poll(self, max_records: int) -> dict[TopicPartition, list[ConsumerRecord[Any, Any]]]:
        try:
            async with kafka.answering(self._cluster):
                polled = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=max_records)
        except StreamHalted as error:
            if isinstance(error.__cause__, NoOffsetForPartitionError):
                return {}  # said of the moment between joining the group and `seek`; we have been there since
            if isinstance(error.__cause__, OffsetOutOfRangeError):
                raise StreamHalted(
                    f"the log was cut while it was read: {error.__cause__}",
                    fix="start the sink again; it says which offsets are gone",
                ) from error
            raise
        by_partition = {TopicPartition(tp.topic, tp.partition): found for tp, found in polled.items()}
        return {p: self._without_overruled(found) for p, found in by_partition.items() if p in self._positions}

    def _without_overruled(self, records: list[ConsumerRecord[Any, Any]]) -> list[ConsumerRecord[Any, Any]]:
        if not self._overruled:
            return records
        return [r for r in records if (r.topic, r.partition, r.offset) not in self._overruled]

    async def _advance(self) -> dict[TopicPartition, OffsetRange]:
        ranges = {}
        for partition, start in self._positions.items():
            position = await self._consumer.position(KafkaPartition(*partition))
            if position > start:
                ranges[partition] = OffsetRange(start, position)
                self._positions[partition] = position
        return ranges

    async def note_offsets(self, ranges: Mapping[TopicPartition, OffsetRange]) -> None:
        """Tell Kafka how far the store is: for tools that show lag, never read back, so a refusal costs nothing."""
        offsets = {KafkaPartition(*p): read.stop for p, read in ranges.items()}
        with contextlib.suppress(KafkaError):
            await self._consumer.commit(offsets)

    async def lag(self) -> int:
        """Offsets between the store and the end of the committed log, over all partitions of the topics.

        Where a partition is another worker's, what that one has noted in Kafka counts: a worker that is shared out a
        few partitions, or none for the moment, has not caught up because those few are done.
        """
        partitions = [KafkaPartition(t, p) for t in self._topics for p in self._consumer.partitions_for_topic(t) or ()]
        async with kafka.answering(self._cluster):
            ends = await self._consumer.end_offsets(partitions)
            return sum([max(0, end - await self._reached(tp)) for tp, end in ends.items()])

    async def _reached(self, partition: KafkaPartition) -> int:
        ours = self._positions.get(TopicPartition(partition.topic, partition.partition))
        return ours if ours is not None else await self._consumer.committed(partition) or 0

    async def _refuse_missing_topics(self) -> None:
        known = await self._consumer.topics()
        if missing := sorted(set(self._topics) - known):
            raise StreamHalted(f"Kafka has no topics {', '.join(missing)}", fix="run `shoplake up`, which makes them")


def to_batch(raw: Raw) -> Batch:
    """Valid events as columns; what does not fit the contract is the dead-letter stage's. Pure."""
    by_topic: dict[str, list[tuple[TopicPartition, Sequence[ConsumerRecord[Any, Any]]]]] = {}
    for partition, records in raw.records.items():
        by_topic.setdefault(partition.topic, []).append((partition, records))
    return Batch({topic: _events(topic, parts) for topic, parts in by_topic.items()}, raw.ranges)


def _events(topic: str, parts: Sequence[tuple[TopicPartition, Sequence[ConsumerRecord[Any, Any]]]]) -> pl.DataFrame:
    records = [record for _, records in parts for record in records]
    decoded = decode(topic, [record.value for record in records])
    places = pl.DataFrame(
        {"partition": [r.partition for r in records], "offset": [r.offset for r in records]},
        schema={"partition": pl.Int32, "offset": pl.Int64},
    )
    events = decoded.events
    return events.select(*TOPICS[topic].columns).hstack(places[events["position"]])


def _refuse_gap(partition: TopicPartition, wanted: int, begin: int, end: int) -> None:
    if wanted < begin:
        raise StreamHalted(
            f"{partition}: the store needs offset {wanted}, and the log begins at {begin}: events in between are gone",
            fix="raise the topic's retention; rebuild the store from a copy of the log before it goes on",
        )
    if wanted > end:
        raise StreamHalted(
            f"{partition}: the store has applied up to offset {wanted}, and the log ends at {end}: "
            "the topic was recreated, or the store belongs to another log",
            fix="start with an empty store (`shoplake down --purge`), or bring back the log it was made from",
        )
