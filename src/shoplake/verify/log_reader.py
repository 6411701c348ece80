"""Read the committed records of Kafka, up to the end offsets at the start, in chunks of limited size.

It joins no consumer group and commits no offsets, so a verification leaves no trace.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from shoplake import kafka
from shoplake.contract import REPLAY_OF
from shoplake.errors import StackError
from shoplake.kafka_records import prepare_consumers

if TYPE_CHECKING:
    from shoplake.settings import KafkaSettings

# Two chunks are in memory at a time, as Python objects and as columns.
CHUNK_RECORDS = 25_000
CHUNK_BYTES = 32 * 1024 * 1024
# Compressed. The fetched bytes of each partition are also in memory until they are consumed.
FETCH_BYTES = 1024 * 1024
REQUEST_TIMEOUT_MS = 20_000
POLL_MS = 500
POLL_RECORDS = 20_000
STALLED_S = 30.0


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one topic as columns, in offset order within each partition.

    Attributes:
        partition_count: number of partitions of the topic.
    """

    partition_count: int
    partition: list[int] = field(default_factory=list)
    offset: list[int] = field(default_factory=list)
    timestamp_ms: list[int] = field(default_factory=list)
    key: list[bytes | None] = field(default_factory=list)
    value: list[bytes | None] = field(default_factory=list)
    replay_of: list[str | None] = field(default_factory=list)

    def extend(self, records: Sequence[ConsumerRecord]) -> None:
        """Append the records of one fetch."""
        self.partition.extend([record.partition for record in records])
        self.offset.extend([record.offset for record in records])
        self.timestamp_ms.extend([record.timestamp for record in records])
        self.key.extend([record.key for record in records])
        self.value.extend([record.value for record in records])
        self.replay_of.extend([_replay_of(record) if record.headers else None for record in records])

    def take(self, at: Sequence[int]) -> Records:
        """Return some of the records, by index."""
        columns = (self.partition, self.offset, self.timestamp_ms, self.key, self.value, self.replay_of)
        taken = ([column[n] for n in at] for column in columns)
        return Records(self.partition_count, *taken)  # type: ignore[arg-type]


Chunk = Mapping[str, Records]


async def read(cluster: KafkaSettings, topics: Collection[str]) -> AsyncIterator[Chunk]:
    """Yield every committed record of the topics, by topic, in chunks of about `CHUNK_RECORDS` or `CHUNK_BYTES`.

    Raises:
        StackError: Kafka does not answer or a topic does not exist.
    """
    try:
        partitions = await _partitions(cluster, topics)
        prepare_consumers()
        consumer = AIOKafkaConsumer(
            **kafka.client_options(cluster),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_bytes=4 * FETCH_BYTES,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        await asyncio.wait_for(consumer.start(), timeout=REQUEST_TIMEOUT_MS / 1000)
        try:
            consumer.assign(partitions)
            async for chunk in _chunks(consumer, partitions):
                yield chunk
        finally:
            await consumer.stop()
    except (KafkaError, TimeoutError, OSError) as error:
        raise StackError(
            f"the log could not be read: Kafka at {cluster.bootstrap_servers} answered {error!r}",
            fix="check `shoplake status`; `shoplake up` starts servers that are down",
        ) from error


async def _partitions(cluster: KafkaSettings, topics: Collection[str]) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(**kafka.client_options(cluster), request_timeout_ms=REQUEST_TIMEOUT_MS)
    try:
        await asyncio.wait_for(admin.start(), timeout=REQUEST_TIMEOUT_MS / 1000)
        # All topics: a request for one topic could create it, if the broker allows that.
        described = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}
    finally:
        await admin.close()
    missing = sorted(set(topics) - set(described))
    if missing:
        raise StackError(
            f"Kafka has no topic {', '.join(missing)}",
            fix="`shoplake up` (on AWS `shoplake migrate`) creates the topics; check whether one was deleted",
        )
    return [TopicPartition(topic, p["partition"]) for topic in topics for p in described[topic]]


async def _chunks(consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> AsyncIterator[Chunk]:
    """Yield chunks up to the end offsets. It compares positions, because transaction markers have no record."""
    begin = await consumer.beginning_offsets(partitions)
    end = await consumer.end_offsets(partitions)
    remaining = {p for p in partitions if end[p] > begin[p]}
    consumer.pause(*(set(partitions) - remaining))
    loop = asyncio.get_running_loop()
    deadline = loop.time() + STALLED_S
    counts = Counter(partition.topic for partition in partitions)
    chunk: dict[str, Records] = {}
    size, size_bytes = 0, 0
    while remaining:
        fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=POLL_RECORDS)
        for partition, records in fetched.items():
            kept = _before(records, end[partition])
            chunk.setdefault(partition.topic, Records(counts[partition.topic])).extend(kept)
            size += len(kept)
            size_bytes += sum([record.serialized_value_size for record in kept])
        done = {p for p in remaining if await consumer.position(p) >= end[p]}
        consumer.pause(*done)
        remaining -= done
        if size >= CHUNK_RECORDS or size_bytes >= CHUNK_BYTES or (size and not remaining):
            yield chunk
            chunk, size, size_bytes = {}, 0, 0
        if fetched or done:
            deadline = loop.time() + STALLED_S
        elif loop.time() > deadline:
            positions = [(p, await consumer.position(p)) for p in remaining]
            waiting = ", ".join(f"{p.topic}-{p.partition} at {at:,} of {end[p]:,}" for p, at in positions)
            raise StackError(
                f"Kafka sent nothing for {STALLED_S:.0f} s while records were missing: {waiting}",
                fix="check `shoplake logs kafka`",
            )


def _replay_of(record: ConsumerRecord) -> str | None:
    """Return the name of the dead letter that a record replays, from its header. None if there is none."""
    return next((value.decode(errors="replace") for name, value in record.headers if name == REPLAY_OF and value), None)


def _before(records: list[ConsumerRecord], end: int) -> list[ConsumerRecord]:
    """Drop records at or after the end offset; publishers may be running."""
    while records and records[-1].offset >= end:
        records.pop()
    return records
