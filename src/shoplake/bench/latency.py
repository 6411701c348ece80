"""Measure the time from an event to its appearance on the live board, at a steady rate of events."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import redis

import shopsim
from shoplake import kafka
from shoplake.bench import scenario
from shoplake.bench.results import Measure
from shoplake.bench.sink_workers import running
from shoplake.bench.stopwatch import Stopwatch, cpu_s
from shoplake.contract.partitioner import partitions_of
from shoplake.environments import connect
from shoplake.publish.kafka import publish
from shoplake.publish.rate_limit import Pace, SystemClock
from shoplake.publish.run import Run
from shoplake.settings import RedisSettings, Settings
from shoplake.sinks.base import TopicPartition
from shoplake.sinks.redis.sink import CHECKPOINTS, RedisSink

SINK = "redis"
EVENTS_PER_S = 5_000
OPENING = 20_000
"""Events of the shop's opening, published before the clock starts: nearly all of them are of one moment."""

LONGEST_S = 20
LOOK_EVERY_S = 0.005
VISIBLE_S = 60

Dues = Mapping[TopicPartition, Sequence[float]]
"""By partition, the time at which each of its events was due, in order, seconds since 1970."""


def to_board(events: int) -> Measure:
    """Publish at a steady rate, as `generate --live --speed` does, while the sink runs, and watch its checkpoints.

    An event's time is when the shop's clock, sped up, says that it happens: waiting for the next transaction counts.
    It is visible when the board's checkpoint, which changes with its counters, has passed it.
    """
    return asyncio.run(_to_board(min(events, EVENTS_PER_S * LONGEST_S)))


async def _to_board(events: int) -> Measure:
    settings = connect()
    opening, paced = scenario.run_of(OPENING), scenario.run_of(OPENING + events)
    released, clock, watch = _Released(), _Clock(), Stopwatch()
    async with running([SINK]) as sink:
        await publish(settings.kafka, opening)
        speed = _speed(paced, events)
        begins = await _ends(settings)
        before_s = sum(map(cpu_s, sink.pids))
        with _watched(settings.redis) as board:
            watch.start()
            await publish(settings.kafka, paced, pace=Pace(speed=speed), clock=clock, watch=released)
            watch.stop()
            dues = released.dues(clock.began_s, speed)
            offsets = await _offsets(settings, begins, dues)
            await _until_visible(board, {partition: found[-1] for partition, found in offsets.items()})
        measured = watch.measure(events, cpu_of_others_s=sum(map(cpu_s, sink.pids)) - before_s)
    waits = np.concatenate([board.seen_at(p, offsets[p]) - np.array(dues[p]) for p in offsets])
    return measured.with_figures(
        p50_s=float(np.quantile(waits, 0.5)), p99_s=float(np.quantile(waits, 0.99)), max_s=float(waits.max())
    )


class _Clock(SystemClock):
    """The machine's, and when it was first asked: then the shop's time begins to run."""

    def __init__(self) -> None:
        self.began_s = 0.0

    def now_s(self) -> float:
        """Seconds since 1970."""
        now = time.time()
        self.began_s = self.began_s or now
        return now


class _Released:
    """What was published, and which of the shop's times each event has. Mutable."""

    def __init__(self) -> None:
        self._parts: list[pl.DataFrame] = []

    def __call__(self, _: int, window: shopsim.EncodedWindow | None) -> None:
        """Record a progress report."""
        if window is not None:
            self._parts.append(window.rows.select("published_at_ms", "topic", "key"))

    def dues(self, began_s: float, speed: float) -> Dues:
        """When each event that the board takes was due."""
        rows = pl.concat(self._parts)
        first_ms = rows["published_at_ms"][0]
        due = began_s + (rows["published_at_ms"].to_numpy() - first_ms) / 1000 / speed
        partitions = partitions_of(rows["key"].cast(pl.Binary).to_list(), kafka.PARTITIONS)
        found: dict[TopicPartition, list[float]] = defaultdict(list)
        for topic, partition, due_s in zip(rows["topic"], partitions, due, strict=True):
            if topic in RedisSink.topics:
                found[TopicPartition(topic, int(partition))].append(float(due_s))
        return found


@dataclass
class _Board:
    """The board's checkpoints as they moved: when each new value was seen. Mutable."""

    times_s: dict[TopicPartition, list[float]] = field(default_factory=lambda: defaultdict(list))
    offsets: dict[TopicPartition, list[int]] = field(default_factory=lambda: defaultdict(list))

    def look(self, client: redis.Redis) -> None:
        """Note what has moved."""
        found: dict[bytes, bytes] = client.hgetall(CHECKPOINTS)  # type: ignore[assignment]  # nothing is decoded
        now = time.time()
        for name, offset in found.items():
            topic, _, number = name.decode().rpartition("-")
            partition = TopicPartition(topic, int(number))
            if not self.offsets[partition] or self.offsets[partition][-1] != int(offset):
                self.offsets[partition].append(int(offset))
                self.times_s[partition].append(now)

    def seen_at(self, partition: TopicPartition, offsets: Sequence[int]) -> np.ndarray:
        """When the checkpoint was first seen behind each of these offsets."""
        which = np.searchsorted(self.offsets[partition], offsets, side="right")
        return np.array(self.times_s[partition])[which]


@contextlib.contextmanager
def _watched(settings: RedisSettings) -> Iterator[_Board]:
    board, done = _Board(), threading.Event()

    def look() -> None:
        with redis.Redis(**settings.options()) as client:
            while not done.wait(LOOK_EVERY_S):
                board.look(client)

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield board
    finally:
        done.set()
        looking.join()


def _speed(run: Run, events: int) -> float:
    """How much faster the shop's time has to go for so many of its last events to come at the wanted rate."""
    times_ms = pl.concat([window.rows["published_at_ms"] for window in run.stream()]).tail(events)
    return float(times_ms[-1] - times_ms[0]) / 1000 / (events / EVENTS_PER_S)


async def _ends(settings: Settings) -> dict[TopicPartition, int]:
    found = await kafka.stable_end_offsets(settings.kafka, RedisSink.topics)
    return {TopicPartition(tp.topic, tp.partition): end for tp, end in found.items()}


async def _offsets(
    settings: Settings, begins: Mapping[TopicPartition, int], dues: Dues
) -> dict[TopicPartition, list[int]]:
    """Where the log holds the events of each partition, in order: markers of transactions lie between."""
    found: dict[TopicPartition, list[int]] = defaultdict(list)
    for topic in RedisSink.topics:
        async for records in kafka.committed_records(settings.kafka, topic):
            partition = TopicPartition(topic, records[0].partition)
            found[partition] += [record.offset for record in records if record.offset >= begins[partition]]
    if {p: len(some) for p, some in found.items() if some} != {p: len(some) for p, some in dues.items()}:
        raise RuntimeError("the log does not hold the events that were published")
    return {partition: some for partition, some in found.items() if some}


async def _until_visible(board: _Board, last: Mapping[TopicPartition, int]) -> None:
    async with asyncio.timeout(VISIBLE_S):  # a thread looks, and calls nobody back
        while any(not (seen := board.offsets[p]) or seen[-1] <= end for p, end in last.items()):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_EVERY_S)
