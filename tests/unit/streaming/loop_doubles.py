"""A log and a store of plain Python at the seams of a sink's loop, and a loop that runs between them."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import msgspec

from shoplake.contract.history import History
from shoplake.errors import NewerContract, ShoplakeError
from shoplake.sinks.base import Batch, Checkpoint, OffsetRange, Ownership, Sink, TopicPartition
from shoplake.streaming.loop import SinkLoop
from shoplake.streaming.reader import Gathered, LogReader, Read
from shoplake.streaming.worker_reports import Progress
from shoplake.topic_identity import TopicId

REVIEWS = TopicPartition("reviews", 0)
WAIT_S = 1000
EVENT = {"type": "review_removed", "product_id": "p1", "customer_id": "c1", "rating": 3, "reason": "spam"}


def record(offset: int) -> Any:
    """A record of the log, as far as anybody looks at it."""
    event = EVENT | {"event_id": f"e{offset}", "occurred_at_ms": 1_704_067_200_000, "review_id": f"r{offset}"}
    value = msgspec.json.encode(event)
    return SimpleNamespace(topic=REVIEWS.topic, partition=0, offset=offset, key=b"p1", value=value)


class MemoryLog(LogReader):
    """A log of one partition; its offsets are what the loop sees of Kafka. `None` is a transaction's marker.

    `troubles` are raised by the next reads, one each; `None` is none.
    """

    topics: Mapping[str, TopicId] = {REVIEWS.topic: TopicId("a-topic", 1)}
    limits: Mapping[TopicPartition, int] = {}
    newer_contract = NewerContract("the log is under a newer contract")

    def __init__(
        self,
        *entries: bool,
        per_read: int = 2,
        troubles: Iterable[ShoplakeError | None] = (),
        limit: int | None = None,
    ) -> None:
        self._entries = entries
        self.limits = {} if limit is None else {REVIEWS: limit}
        self._per_read = per_read
        self._troubles = deque(troubles)
        self._positions: dict[TopicPartition, int] = {}
        self._held: dict[TopicPartition, float] = {}
        self.busy = asyncio.Lock()
        self.revoked = asyncio.Event()
        self.revoked.set()
        self.generation = 0
        self.noted: list[int] = []
        self.sought: list[int] = []
        self.paused = False
        self.stays = 0
        self.ours = True
        self.stopped = False

    async def start(self) -> None:
        await self.on_partitions_assigned({REVIEWS})

    async def stop(self) -> None:
        self.stopped = True

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset({REVIEWS})

    async def seek(self, offsets: Mapping[TopicPartition, int]) -> None:
        self._positions = dict(offsets)
        self._held.clear()
        self.resume()
        self.sought += offsets.values()

    async def read(self) -> Read | None:
        generation = self.generation
        await asyncio.sleep(0.001)
        if self.revoked.is_set() or generation != self.generation:
            return None
        if self._troubles and (trouble := self._troubles.popleft()) is not None:
            raise trouble
        start = self._positions.get(REVIEWS, len(self._entries))
        stop = min(self.limits.get(REVIEWS, len(self._entries)), start + self._per_read)
        if time.monotonic() >= self._held.get(REVIEWS, 0):
            self._held.clear()
        if start == stop or self.paused or self._held:
            await asyncio.sleep(0.2)
            return Gathered({REVIEWS.topic: 1}).read({})
        self._positions[REVIEWS] = stop
        records = [record(offset) for offset in range(start, stop) if self._entries[offset]]
        gathered = Gathered({REVIEWS.topic: 1})
        if records:
            gathered.add({REVIEWS: records}, History.of_own())
        return gathered.read({REVIEWS: OffsetRange(start, stop)})

    def hold(self, starts: Mapping[TopicPartition, int], pause_s: float) -> None:
        self._positions |= starts
        self._held = dict.fromkeys(starts, time.monotonic() + pause_s)

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    async def keep_alive(self) -> None:
        self.stays += 1

    async def commit_offsets(self, offsets: Mapping[TopicPartition, int]) -> bool:
        self.noted += offsets.values()
        return self.ours

    async def ends(self) -> dict[TopicPartition, int]:
        return {REVIEWS: len(self._entries)}


class MemoryStore(Sink):
    """Ids in a list. `troubles` are raised by the next calls of `apply`, one each; `None` is none."""

    name = "memory"
    topics = frozenset({"reviews"})

    def __init__(self, *troubles: ShoplakeError | None) -> None:
        self.troubles = deque(troubles)
        self.ids: list[str] = []
        self.stands: dict[TopicPartition, Checkpoint] = {}
        self.identity: dict[str, str] = {}
        self.applied: list[int] = []
        self.called_at: list[float] = []
        self.asked = 0
        self.closed = False

    @property
    def pauses(self) -> list[float]:
        """How long the loop let it alone between two calls of `apply`."""
        return [after - before for before, after in itertools.pairwise(self.called_at)]

    async def prepare(self) -> None:
        """Nothing to make."""

    async def open(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        for partition in partitions:
            found = self.stands.get(partition, Checkpoint(0, 0))
            self.stands[partition] = Checkpoint(found.next_offset, found.epoch + 1)
        return dict(self.stands)

    async def checkpoints(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        self.asked += 1
        return self.stands

    async def identify(self, topics: Mapping[str, str]) -> Mapping[str, str]:
        self.identity = {**topics, **self.identity}
        return self.identity

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        self.called_at.append(time.monotonic())
        if self.troubles and (trouble := self.troubles.popleft()) is not None:
            raise trouble
        fresh = batch.fresh(self.name, self.stands, owner)
        self.applied.append(len(fresh))
        self.ids += fresh.events["reviews"]["review_id"].to_list() if len(fresh) else []
        for partition, read in fresh.ranges.items():
            self.stands[partition] = Checkpoint(read.stop, owner[partition])

    async def close(self) -> None:
        self.closed = True


class Forgetful(MemoryStore):
    """Is emptied once, before its next batch."""

    def __init__(self, *, after: int) -> None:
        super().__init__()
        self.left = after

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        self.left -= 1
        if self.left == -1:
            self.forget()
        await super().apply(batch, owner)

    def forget(self) -> None:
        self.ids, self.stands, self.identity = [], {}, {}


class WentBack(Forgetful):
    """Goes back once to how it was a batch ago, as a server does whose last writes were not on disk."""

    def forget(self) -> None:
        self.ids = self.ids[:-2]
        self.stands = {p: Checkpoint(c.next_offset - 2, c.epoch) for p, c in self.stands.items()}


class Run:
    """A loop with its log and its store, and what it reported."""

    def __init__(self, log: MemoryLog, store: Any, *, report_every_s: float = 0.5) -> None:
        self.log = log
        self.store = store
        self.reports: list[Progress] = []
        self.stopping = asyncio.Event()
        self._loop = SinkLoop(store, log, self.reports.append, report_every_s=report_every_s)

    async def until_caught_up(self) -> Run:
        async with asyncio.timeout(WAIT_S):
            await self._loop.run(until_caught_up=True, stopping=self.stopping)
        return self

    def started(self, group: asyncio.TaskGroup) -> asyncio.Task[None]:
        return group.create_task(self._loop.run(until_caught_up=False, stopping=self.stopping))


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - what is waited for is in plain values
            await asyncio.sleep(0.01)


def ids(*offsets: int) -> list[str]:
    return [f"r{offset}" for offset in offsets]
