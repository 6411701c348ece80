"""Measure what every sink does before it writes, and compare it with a plain Kafka consumer."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from shoplake import kafka
from shoplake.bench import kafka_log
from shoplake.bench.results import Measure
from shoplake.bench.stopwatch import Stopwatch
from shoplake.contract import TOPICS
from shoplake.environments import kafka_cluster
from shoplake.streaming.reader import Limits

FETCH_BYTES = 2 * 1024 * 1024
POLL_MS = 200
POLL_RECORDS = 10_000


def decoded(events: int) -> Measure:
    """Read, decode and validate every event of the log into columns."""
    del events  # those of the log
    return asyncio.run(_decoded())


def bare(events: int) -> Measure:
    """Fetch the same records by `getmany` of aiokafka as it comes, as many bytes at a time, and let them go."""
    del events
    return asyncio.run(_bare())


async def _decoded() -> Measure:
    watch, count = Stopwatch(), 0
    async with kafka_log.at_start(kafka_cluster(), TOPICS, Limits()) as reader:
        watch.start()
        async for batch in kafka_log.batches(reader):
            count += len(batch)
            if len(batch):
                watch.stop()
    return watch.measure(count)


async def _bare() -> Measure:
    watch, count = Stopwatch(), 0
    partitions = [TopicPartition(*partition) for partition in kafka_log.partitions()]
    # As `kafka.consumer` but for what that changes in aiokafka.
    stock = AIOKafkaConsumer(
        **kafka.client_options(kafka_cluster()),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_wait_ms=100,
    )
    async with stock as consumer:
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        for partition in partitions:
            consumer.seek(partition, 0)
        watch.start()
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            found = await consumer.getmany(timeout_ms=POLL_MS, max_records=POLL_RECORDS)
            count += sum(map(len, found.values()))
            if found:
                watch.stop()
    return watch.measure(count)
