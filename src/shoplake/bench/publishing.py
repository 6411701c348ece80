"""Measure publishing to an empty log, and compare it with plain batches of the same records."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from aiokafka import AIOKafkaProducer

import shopsim
from shoplake import kafka
from shoplake.bench import scenario
from shoplake.bench.results import Measure
from shoplake.bench.stopwatch import Stopwatch
from shoplake.contract.partitioner import partitions_of
from shoplake.environments import kafka_cluster
from shoplake.publish.kafka import BATCH_BYTES, COMPRESSION, IN_FLIGHT_BATCHES, publish

Record = tuple[int, bytes, bytes]  # timestamp, key, value


class Part(NamedTuple):
    """Records of one partition, in order."""

    topic: str
    partition: int
    records: Sequence[Record]


def transactional(events: int) -> Measure:
    """Simulate and publish, from when the producer has its transactional id to the last commit."""
    run, watch = scenario.run_of(events), Stopwatch()
    scenario.warm_up(run)

    def tell(_: int, window: shopsim.EncodedWindow | None) -> None:
        if window is None:
            watch.start()
        else:
            watch.stop()

    done = asyncio.run(publish(kafka_cluster(), run, watch=tell))
    return watch.measure(done.events)


def bare(events: int) -> Measure:
    """Send the same records, encoded before the clock starts: idempotent, compressed alike, no transaction."""
    parts = [part for window in scenario.run_of(events).stream() for part in _parts(window.rows)]
    watch = asyncio.run(_send(parts))
    return watch.measure(sum(len(part.records) for part in parts))


def _parts(rows: pl.DataFrame) -> list[Part]:
    parts = []
    for (topic,), some in rows.group_by("topic", maintain_order=True):
        columns = (some["occurred_at_ms"], some["key"].cast(pl.Binary), some["value"])
        records = list(zip(*(column.to_list() for column in columns), strict=True))
        where = partitions_of([key for _, key, _ in records], kafka.PARTITIONS)
        for partition in np.unique(where):
            mine = [records[n] for n in np.flatnonzero(where == partition)]
            parts.append(Part(str(topic), int(partition), mine))
    return parts


async def _send(parts: Sequence[Part]) -> Stopwatch:
    watch = Stopwatch()
    producer = AIOKafkaProducer(
        **kafka.client_options(kafka_cluster()),
        enable_idempotence=True,
        compression_type=COMPRESSION,
        max_batch_size=BATCH_BYTES,
        max_request_size=2 * BATCH_BYTES,
        request_timeout_ms=kafka.REQUEST_TIMEOUT_MS,
    )
    async with producer:
        for topic in {part.topic for part in parts}:
            await producer.partitions_for(topic)
        watch.start()
        pending: list[asyncio.Future[object]] = []
        for part in parts:
            await _send_part(producer, part, pending)
        for delivered in pending:
            await delivered
        watch.stop()
    return watch


async def _send_part(producer: AIOKafkaProducer, part: Part, pending: list[asyncio.Future[object]]) -> None:
    batch = producer.create_batch()
    for timestamp, key, value in part.records:
        if batch.append(timestamp=timestamp, key=key, value=value) is None:
            await _send_batch(producer, part, batch, pending)
            batch = producer.create_batch()
            batch.append(timestamp=timestamp, key=key, value=value)
    await _send_batch(producer, part, batch, pending)


async def _send_batch(
    producer: AIOKafkaProducer, part: Part, batch: object, pending: list[asyncio.Future[object]]
) -> None:
    batch.close()  # type: ignore[attr-defined]  # aiokafka is untyped
    pending.append(await producer.send_batch(batch, part.topic, partition=part.partition))
    if len(pending) >= IN_FLIGHT_BATCHES:
        await pending.pop(0)
