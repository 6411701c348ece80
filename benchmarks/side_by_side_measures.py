"""Measurements of one side, each in a separate process: a tutorial's consumer, a sink of shoplake, publishing.

Times begin when all is connected and the first batch can be read, and end when the last event is in the store.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import resource
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from side_by_side_stack import server_cpu_s

import shopsim
from shoplake import environments, sinks
from shoplake.publish.kafka import publish
from shoplake.publish.run import Run
from shoplake.settings import Settings
from shoplake.sinks.base import Batch, Checkpoint, Ownership, Sink, TopicPartition
from shoplake.streaming.loop import SinkLoop
from shoplake.streaming.reader import LogReader
from shoplake.streaming.worker import LIMITS, Limits

Found = dict[str, float]
COMMIT_EVERY = 100
"""Messages between two commits of offsets; where a tutorial commits each, it is slower still."""


class Clock:
    """Wall and CPU time of this process between two moments, and its store's server's. Mutable."""

    def __init__(self, store: str = "") -> None:
        self._store = store
        self.start()

    def start(self) -> None:
        """The first moment."""
        self._server = self._server_s()
        self._begun = (time.perf_counter(), time.process_time())
        self._ended = self._begun

    def stop(self) -> None:
        """The second one, as far as is known."""
        self._ended = (time.perf_counter(), time.process_time())

    def found(self, events: int) -> Found:
        """The result. Server CPU counts until this call, which has to follow the second moment closely."""
        wall, cpu = (after - before for before, after in zip(self._begun, self._ended, strict=True))
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        server = self._server_s() - self._server
        at = {"begun_at": self._begun[0], "ended_at": self._ended[0]}
        return {"events": events, "wall_s": wall, "cpu_s": cpu, "server_s": server, "peak_mb": peak_mb} | at

    def _server_s(self) -> float:
        return server_cpu_s(self._store) if self._store else 0.0


def tutorial(store: str, events: int) -> Found:
    """One message after the other into a store, until so many are in it."""
    return asyncio.run(_tutorial(store, environments.connect(), events))


async def _tutorial(store: str, settings: Settings, events: int) -> Found:
    from aiokafka import AIOKafkaConsumer

    way = importlib.import_module(f"side_by_side_{store}")
    handle = way.connect(settings)
    consumer = AIOKafkaConsumer(
        *way.TOPICS,
        bootstrap_servers=settings.kafka.bootstrap_servers,
        group_id=f"tutorial-{uuid.uuid4()}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    async with consumer:
        handle(json.loads((await consumer.getone()).value))  # it has joined its group, and everybody is connected
        done, clock = 1, Clock(store)
        async for message in consumer:
            handle(json.loads(message.value))
            done += 1
            if done % COMMIT_EVERY == 0 or done == events:
                await consumer.commit()
            if done == events:
                break
        clock.stop()
    return clock.found(events - 1)


class Timed:
    """A sink whose clock starts when it is first open and stops with each batch. Everything else is the sink's."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.clock = Clock(sink.name)
        self.events = 0
        self._opened = False

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._sink, name)

    async def open(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Opens, and starts the clock the first time; another worker that comes has it open again."""
        opened = await self._sink.open(partitions)
        if not self._opened:
            self._opened = True
            self.clock.start()
        return opened

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        """Applies, and says until when."""
        await self._sink.apply(batch, owner)
        self.events += len(batch)
        self.clock.stop()


def ours(store: str, max_records: int = 0, group: str = "") -> Found:
    """One worker of shoplake's on a sink, until all that is in the log is in the store.

    Args:
        store: whose sink.
        max_records: events per batch; the sink's own number for 0.
        group: shared by several workers of one sink.
    """
    return asyncio.run(_ours(store, environments.connect(), max_records, group or f"side-by-side-{uuid.uuid4()}"))


async def _ours(store: str, settings: Settings, max_records: int, group: str) -> Found:
    timed: Any = Timed(sinks.make(store, settings))
    limits = Limits(max_records=max_records) if max_records else LIMITS.get(store, Limits())
    reader = LogReader(settings.kafka, group, timed.topics, limits)
    loop = SinkLoop(timed, reader, lambda _: None)
    await loop.run(until_caught_up=True, stopping=asyncio.Event())
    found: Found = timed.clock.found(timed.events)
    return found


def published(scenario: str, seed: int, events: int) -> dict[str, Any]:
    """Simulate and publish a run, from its first transaction on.

    Returns:
        What was measured, and how many events each topic has of it.
    """
    clock, by_topic, first = Clock(), Counter[str](), 0

    def watch(done: int, window: shopsim.EncodedWindow | None) -> None:
        nonlocal first
        if window is not None:
            by_topic.update(dict(window.rows["topic"].value_counts().iter_rows()))
            if not first:
                first = done
                clock.start()
        clock.stop()

    run = Run(shopsim.load_scenario(scenario), seed, events)
    asyncio.run(publish(environments.kafka_cluster(), run, watch=watch))
    return clock.found(events - first) | {"by_topic": dict(by_topic)}


def scenario_without_faults(folder: Path) -> str:
    """The demo's shop, whose every event a tutorial's consumer can read."""
    import yaml

    shop = shopsim.load_scenario("demo").to_dict() | {"faults": {}, "name": "side-by-side"}
    path = folder / "side-by-side.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(shop))), encoding="utf-8")
    return str(path)
