"""The Kafka reader of one sink: polls its partitions into one batch, with the offset range of each."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
from aiokafka import ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from shoplake import kafka
from shoplake.contract import TOPICS, Placement, decode
from shoplake.contract.history import History, InForce
from shoplake.errors import StreamHalted
from shoplake.sinks.base import Batch, OffsetRange, TopicPartition
from shoplake.streaming.contract_versions import Contracts
from shoplake.streaming.log_bounds import Log

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiokafka import ConsumerRecord

    from shoplake.errors import NewerContract
    from shoplake.settings import KafkaSettings
    from shoplake.topic_identity import TopicId

POLL_MS = 200
# Records per poll; the size of the batch is checked after each poll.
POLL_RECORDS = 10_000
NOTE_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a batch.

    Attributes:
        max_records: maximum number of records (each takes about 1 kB of memory).
        max_bytes: size of all values after which no more records are added.
        linger_s: the longest wait for more records.
    """

    max_records: int = 50_000
    max_bytes: int = 64 * 1024 * 1024
    linger_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Read:
    """The result of one read.

    Attributes:
        batch: the valid events; the dead-letter step handles invalid records.
        records: partition → number of records read, valid or not.
    """

    batch: Batch
    records: Mapping[TopicPartition, int]


class LogReader(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """A consumer that starts at the store's checkpoints; offsets committed to Kafka are only for lag tools.

    Attributes:
        generation: number of rebalances so far, so that the loop notices a new one.
        busy: a lock, held while a batch is applied or partitions are opened; a rebalance waits for it.
        revoked: set during a rebalance, when no partitions are assigned.
    """

    def __init__(
        self,
        cluster: KafkaSettings,
        group: str,
        topics: Iterable[str],
        limits: Limits,
        member: str | None = None,
    ) -> None:
        self._cluster = cluster
        self._group = group
        self._member = member
        self._limits = limits
        self._log = Log(cluster, topics)
        self._contracts = Contracts(cluster)
        self._consumer: Any = None
        self._positions: dict[TopicPartition, int] = {}
        self._held: dict[TopicPartition, float] = {}
        self.generation = 0
        self.busy = asyncio.Lock()
        self.revoked = asyncio.Event()
        self.revoked.set()

    @property
    def topics(self) -> Mapping[str, TopicId]:
        """The topics that are read, with their ids; set by `start`."""
        return self._log.ids

    async def start(self) -> None:
        """Join the consumer group. It can be called again after a failure.

        Raises:
            StreamHalted: a topic does not exist, or was recreated.
            LogUnavailable: Kafka did not answer.
        """
        await self._log.learn()
        consumer = kafka.consumer(self._cluster, group=self._group, member=self._member)
        try:
            async with kafka.answering(self._cluster):
                await consumer.start()
        except BaseException:
            await kafka.stop(consumer)
            raise
        consumer.subscribe(list(self.topics), listener=self)
        self._consumer = consumer

    async def stop(self) -> None:
        """Leave the group."""
        if self._consumer is not None:
            await kafka.leave(self._consumer)
        await self._log.close()

    async def on_partitions_revoked(self, revoked: object) -> None:
        """Called by the consumer before a rebalance: wait until the current batch is applied or abandoned."""
        del revoked
        self.revoked.set()
        async with self.busy:
            self._positions.clear()
            self._held.clear()

    async def on_partitions_assigned(self, assigned: object) -> None:
        """Called by the consumer after a rebalance."""
        del assigned
        self.generation += 1
        self.revoked.clear()

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions that are assigned to this consumer."""
        return frozenset(TopicPartition(tp.topic, tp.partition) for tp in self._consumer.assignment())

    async def seek(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Seek to the store's checkpoints.

        Raises:
            StreamHalted: the log no longer has an offset, or does not have it yet: to continue would skip events.
            ContractConflict: this program's contract does not belong to this log.
            LogUnavailable: Kafka did not answer.
        """
        await self._log.refuse_gaps(self._consumer, offsets)
        await self._contracts.refresh()  # read after the checkpoints, so it has the version in force at each
        self._positions = dict(offsets)
        self._held.clear()
        self.resume()
        self._rewind()

    async def read(self) -> Read | None:
        """Read the next events, up to the limits; None during a rebalance.

        The events come from the known topics: their ids are checked after the events were read.

        Raises:
            StreamHalted: the log was truncated, or a topic was recreated.
            LogUnavailable: Kafka did not answer; the next call starts at the same offsets.
        """
        self._release()
        generation = self.generation
        gathered = Gathered({topic: known.partitions for topic, known in self.topics.items()})
        try:
            await self._gather(gathered)
            if generation != self.generation or self.revoked.is_set():
                return None
            ranges = await self._ranges()
            if ranges:
                await self._log.refuse_recreated()
        except BaseException:
            if generation == self.generation and not self.revoked.is_set():
                self._rewind()
            raise
        if generation != self.generation or self.revoked.is_set():
            return None
        self._positions |= {partition: read.stop for partition, read in ranges.items()}
        return gathered.read(ranges)

    async def ends(self) -> dict[TopicPartition, int]:
        """The end offset of each partition of the topics, assigned to this consumer or not.

        Raises:
            StreamHalted: a topic was recreated.
            LogUnavailable: Kafka did not answer.
        """
        return await self._log.ends(self._consumer)

    @property
    def positions(self) -> Mapping[TopicPartition, int]:
        """The next offset to read of each assigned partition; empty during a rebalance."""
        return self._positions

    @property
    def limits(self) -> Mapping[TopicPartition, int]:
        """The first offset with a newer contract, for each assigned partition that has one."""
        return self._contracts.limits(self._positions)

    @property
    def newer_contract(self) -> NewerContract:
        """The error for partitions with a newer contract."""
        return self._contracts.newer

    @property
    def held(self) -> int:
        """Number of partitions that are paused because the store asked to wait."""
        return len(self._held)

    def hold(self, starts: Mapping[TopicPartition, int], pause_s: float) -> None:
        """Rewind these partitions to the given offsets and pause them for a time; other partitions continue."""
        for partition, start in starts.items():
            tp = KafkaPartition(*partition)
            self._consumer.pause(tp)
            self._consumer.seek(tp, start)
            self._positions[partition] = start
            self._held[partition] = time.monotonic() + pause_s

    def pause(self) -> None:
        """Stop fetching; records that aiokafka has prefetched are dropped."""
        self._consumer.pause(*self._consumer.assignment())

    def resume(self) -> None:
        """Fetch again, except from partitions that are on hold."""
        self._consumer.resume(
            *(tp for tp in self._consumer.assignment() if TopicPartition(tp.topic, tp.partition) not in self._held)
        )

    async def keep_alive(self) -> None:
        """Poll while paused, to stay in the group: Kafka removes a consumer that does not poll for five minutes."""
        if not self.revoked.is_set():
            with contextlib.suppress(KafkaError):
                await self._consumer.getmany(timeout_ms=0, max_records=1)

    async def commit_offsets(self, offsets: Mapping[TopicPartition, int]) -> bool:
        """Commit the store's offsets to Kafka. They are for lag tools and never read back, so a failure is harmless.

        Returns:
            Whether Kafka accepted the commit; it does not if this consumer is no longer in the group.
        """
        if not offsets:
            return True  # the store has taken nothing of the batch; aiokafka refuses an empty commit
        try:
            async with asyncio.timeout(NOTE_TIMEOUT_S):
                await self._consumer.commit({KafkaPartition(*p): offset for p, offset in offsets.items()})
        except (KafkaError, TimeoutError):
            return False
        return True

    async def _gather(self, gathered: Gathered) -> None:
        deadline = time.monotonic() + self._limits.linger_s
        while gathered.count < self._limits.max_records and gathered.size_bytes < self._limits.max_bytes:
            polled = await self._poll(min(POLL_RECORDS, self._limits.max_records - gathered.count))
            gathered.add(polled, self._contracts.history)
            if time.monotonic() >= deadline or not polled or self.revoked.is_set():
                return

    async def _poll(self, max_records: int) -> dict[TopicPartition, list[ConsumerRecord[Any, Any]]]:
        try:
            async with kafka.answering(self._cluster):
                polled = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=max_records)
        except StreamHalted as error:
            if isinstance(error.__cause__, NoOffsetForPartitionError):
                return {}  # raised for the time between joining the group and `seek`, which has been called since
            if isinstance(error.__cause__, OffsetOutOfRangeError):
                raise StreamHalted(
                    f"the log was truncated while it was read: {error.__cause__}",
                    fix="start the sink again: its error message has the missing offsets",
                ) from error
            raise
        by_partition = {TopicPartition(tp.topic, tp.partition): found for tp, found in polled.items()}
        ours = {p: found for p, found in by_partition.items() if p in self._positions}
        await self._contracts.see(ours.values())
        return {} if self.revoked.is_set() else self._readable(ours)

    def _readable(
        self, polled: dict[TopicPartition, list[ConsumerRecord[Any, Any]]]
    ) -> dict[TopicPartition, list[ConsumerRecord[Any, Any]]]:
        """The records that this program can validate; a partition with a newer contract stops at its first offset."""
        for partition, limit in self._contracts.limits(polled).items():
            if polled[partition][-1].offset >= limit:
                polled[partition] = [record for record in polled[partition] if record.offset < limit]
                tp = KafkaPartition(*partition)
                self._consumer.pause(tp)
                self._consumer.seek(tp, max(limit, self._positions[partition]))
        return polled

    async def _ranges(self) -> dict[TopicPartition, OffsetRange]:
        ranges = {}
        async with kafka.answering(self._cluster), asyncio.timeout(NOTE_TIMEOUT_S):
            for partition, start in self._positions.items():
                position = await self._consumer.position(KafkaPartition(*partition))
                if position > start:
                    ranges[partition] = OffsetRange(start, position)
        return ranges

    def _rewind(self) -> None:
        for partition, offset in self._positions.items():
            self._consumer.seek(KafkaPartition(*partition), offset)

    def _release(self) -> None:
        due = [partition for partition, until in self._held.items() if time.monotonic() >= until]
        for partition in due:
            del self._held[partition]
            self._consumer.resume(KafkaPartition(*partition))


class Gathered:
    """Collects records and decodes them to columns, some thousands at a time: a record takes ten times the memory of
    its row. Mutable, without input or output.
    """

    def __init__(self, partition_counts: Mapping[str, int]) -> None:
        """Start empty; `partition_counts` has the number of partitions of each topic."""
        self._partition_counts = partition_counts
        self._waiting: dict[tuple[str, InForce], list[ConsumerRecord[Any, Any]]] = {}
        self._waiting_count = 0
        self._decoded: dict[str, list[pl.DataFrame]] = {}
        self._records: Counter[TopicPartition] = Counter()
        self.count = 0
        self.size_bytes = 0

    def add(self, polled: Mapping[TopicPartition, Sequence[ConsumerRecord[Any, Any]]], known: History) -> None:
        """Add records, in order of offset within each partition, with the contract in force at their offsets."""
        for partition, records in polled.items():
            for in_force, part in known.split(partition.topic, partition.partition, records):
                self._waiting.setdefault((partition.topic, in_force), []).extend(part)
            self._records[partition] += len(records)
            self._waiting_count += len(records)
            self.count += len(records)
            self.size_bytes += sum(len(record.value or b"") for record in records)
        if self._waiting_count >= POLL_RECORDS:
            self._decode()

    def read(self, ranges: Mapping[TopicPartition, OffsetRange]) -> Read:
        """Return all events as a batch with these offset ranges."""
        self._decode()
        return Read(
            Batch({t: pl.concat(parts, rechunk=True) for t, parts in self._decoded.items()}, ranges), self._records
        )

    def _decode(self) -> None:
        # Sorted by version, which is also the order of the offsets in each partition.
        for (topic, in_force), records in sorted(self._waiting.items(), key=lambda entry: entry[0][1].version):
            events = _events(topic, records, self._partition_counts[topic], in_force)
            self._decoded.setdefault(topic, []).append(events)
        self._waiting, self._waiting_count = {}, 0


def _events(
    topic: str, records: Sequence[ConsumerRecord[Any, Any]], partition_count: int, in_force: InForce
) -> pl.DataFrame:
    keys, partitions = [record.key for record in records], [record.partition for record in records]
    placement = Placement(keys, partitions, partition_count)
    decoded = decode(topic, [record.value for record in records], placement, in_force.topics)
    places = pl.DataFrame(
        {"partition": partitions, "offset": [r.offset for r in records]},
        schema={"partition": pl.Int32, "offset": pl.Int64},
    )
    if decoded.rejected:
        places = places[decoded.events["position"]]
    return decoded.events.select(*TOPICS[topic].columns).hstack(places)
