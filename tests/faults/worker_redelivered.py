"""A worker that gets its batches up to five times, late, shuffled and overlapping: started in the worker's place.

So may deliver whatever stands between a log and a store, were it not Kafka: a queue, a retried task, a replay by hand.
The seed is `SHOPLAKE_FAULTS_SEED`; what was delivered how often is said on standard error.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from shoplake import sinks
from shoplake.settings import Settings
from shoplake.sinks.base import Batch, OffsetRange, Ownership, Sink, TopicPartition
from shoplake.streaming import worker

SEED = "SHOPLAKE_FAULTS_SEED"
DELIVERED = "delivered: "
MOST = 5
AGAIN = 0.4
# A late one comes within so many batches; no more are kept.
KEPT = 8

Apply = Callable[[Batch, Ownership], Awaitable[None]]


@dataclass
class Delivered:
    """A batch, and how often it may still come."""

    batch: Batch
    left: int


class Redelivery:
    """Stands before `apply`, and remembers the last batches, which follow one another without a gap."""

    def __init__(self, apply: Apply, chance: random.Random) -> None:
        self._apply = apply
        self._chance = chance
        self._recent: deque[Delivered] = deque(maxlen=KEPT)
        self._events = self._delivered = 0

    async def __call__(self, batch: Batch, owner: Ownership) -> None:
        """Deliver the batch, alone or behind what came just before it, and then some of the last ones once more."""
        if any(set(old.batch.ranges) - set(owner) for old in self._recent):
            self._recent.clear()  # somebody else has those partitions now
        await self._deliver([*self._overlap(), Delivered(batch, 1)], owner)
        self._events += len(batch)
        self._recent.append(Delivered(batch, self._chance.randrange(MOST)))
        for old in self._chance.sample(list(self._recent), len(self._recent)):
            if old.left and self._chance.random() < AGAIN:
                await self._deliver([old], owner)
        counts = {"events": self._events, "delivered": self._delivered}
        print(f"{DELIVERED}{json.dumps(counts)}", file=sys.stderr, flush=True)

    def _overlap(self) -> list[Delivered]:
        behind: list[Delivered] = []
        for old in reversed(self._recent):
            if not old.left or self._chance.random() > AGAIN:
                break
            behind.insert(0, old)
        return behind

    async def _deliver(self, parts: Sequence[Delivered], owner: Ownership) -> None:
        batch = joined([part.batch for part in parts])
        await self._apply(batch, owner)
        self._delivered += len(batch)
        for part in parts:
            part.left -= 1


def joined(batches: Sequence[Batch]) -> Batch:
    """Batches that follow one another, as one."""
    topics = {topic for batch in batches for topic in batch.events}
    events = {topic: pl.concat([batch.events[topic] for batch in batches if topic in batch.events]) for topic in topics}
    ranges: dict[TopicPartition, OffsetRange] = {}
    for batch in batches:
        for partition, read in batch.ranges.items():
            start = ranges[partition].start if partition in ranges else read.start
            ranges[partition] = OffsetRange(start, read.stop)
    return Batch(events, ranges)


def deliveries(errors: Path) -> tuple[int, int]:
    """Events, and how many were delivered for them, as such a worker last said."""
    lines = [line for line in errors.read_text(errors="replace").splitlines() if line.startswith(DELIVERED)]
    counts = json.loads(lines[-1].removeprefix(DELIVERED))
    return counts["events"], counts["delivered"]


def main() -> int:
    make = sinks.make

    def made(name: str, settings: Settings) -> Sink:
        sink = make(name, settings)
        chance = random.Random(f"{os.environ[SEED]}/{name}")
        sink.apply = Redelivery(sink.apply, chance)
        return sink

    sinks.make = made
    return worker.main()


if __name__ == "__main__":
    sys.exit(main())
