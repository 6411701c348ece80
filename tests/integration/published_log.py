"""What publishers put into the log, and what the simulation says they should have."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

from aiokafka import TopicPartition
from aiokafka.partitioner import DefaultPartitioner

import shopsim
from shoplake import kafka
from shoplake.contract import TOPICS
from shoplake.kafka import stable_end_offsets
from shoplake.publish.run import Run
from shoplake.settings import KafkaSettings

TIMEOUT_S = 60

Record = tuple[str, int, bytes, bytes, int]  # topic, partition, key, value, timestamp


def run_of(events: int | None, seed: int, **changes: Any) -> Run:
    """So much of the demo shop, under a name of its own; `topics` and `until_ms` are the run's, the rest the shop's."""
    limits = {name: changes.pop(name) for name in ("topics", "until_ms") if name in changes}
    definition = copy.deepcopy(shopsim.load_scenario("demo").to_dict()) | {"name": "publishing"} | changes
    return Run(shopsim.scenario_from_dict(definition), seed, events, **limits)


def simulated(run: Run) -> list[Record]:
    """What the log should hold of a run, in the order of the simulation."""
    choose, every = DefaultPartitioner(), list(range(kafka.PARTITIONS))
    records = []
    for window in run.stream():
        for topic, key, value, occurred_at_ms in window.rows.select("topic", "key", "value", "occurred_at_ms").rows():
            records.append((topic, choose(key.encode(), every, every), key.encode(), value, occurred_at_ms))
    return records


class Log:
    """The committed events that came after this was made."""

    def __init__(self, cluster: KafkaSettings) -> None:
        self._cluster = cluster
        self._start: dict[TopicPartition, int] = {}

    async def begin(self) -> Log:
        self._start = await stable_end_offsets(self._cluster, TOPICS)
        return self

    async def records(self) -> list[Record]:
        ends = await stable_end_offsets(self._cluster, TOPICS)
        found: list[Record] = []
        async with asyncio.timeout(TIMEOUT_S), kafka.consumer(self._cluster) as consumer:
            consumer.assign(list(ends))
            for partition, start in self._start.items():
                consumer.seek(partition, start)
            while any([await consumer.position(p) < end for p, end in ends.items()]):
                for tp, records in (await consumer.getmany(timeout_ms=200)).items():
                    found += [(tp.topic, tp.partition, r.key, r.value, r.timestamp) for r in records]
        return found


def by_partition(records: list[Record]) -> dict[tuple[str, int], list[Record]]:
    """Each partition's records in order: all that a log promises."""
    parts: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        parts.setdefault(record[:2], []).append(record)
    return parts
