"""When a sink's loop retries, waits, gives a partition up and stops: a log and a store of plain Python at its seams."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from shoplake.errors import Backpressure, Fenced, ShoplakeError, SinkError, StoreUnavailable
from shoplake.sinks.base import Batch, Checkpoint, OffsetRange, Ownership, Sink, TopicPartition
from shoplake.streaming import loop as loop_
from shoplake.streaming.loop import Progress, SinkLoop
from shoplake.streaming.reader import LogReader, Raw

REVIEWS = TopicPartition("reviews", 0)
WAIT_S = 5
EVENT = {"type": "review_removed", "product_id": "p1", "customer_id": "c1", "rating": 3, "reason": "spam"}


def record(offset: int) -> Any:
    """A record of the log, as far as anybody looks at it."""
    event = EVENT | {"event_id": f"e{offset}", "occurred_at_ms": 1_704_067_200_000, "review_id": f"r{offset}"}
    return SimpleNamespace(topic=REVIEWS.topic, partition=0, offset=offset, value=msgspec.json.encode(event))


class MemoryLog(LogReader):
    """A log of one partition; its offsets are what the loop sees of Kafka. `None` is a transaction's marker."""

    def __init__(self, *entries: bool, per_read: int = 2) -> None:
        self._entries = entries
        self._per_read = per_read
        self._positions: dict[TopicPartition, int] = {}
        self._busy = asyncio.Lock()
        self.generation = 0
        self.noted: list[int] = []
        self.sought: list[int] = []
        self.stopped = False

    async def start(self) -> None:
        await self.on_partitions_assigned({REVIEWS})

    async def stop(self) -> None:
        self.stopped = True

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset({REVIEWS})

    async def seek(self, checkpoints: Mapping[TopicPartition, Checkpoint]) -> None:
        self._positions = {p: checkpoint.next_offset for p, checkpoint in checkpoints.items()}
        self.sought += self._positions.values()

    async def read(self) -> Raw:
        await asyncio.sleep(0)
        if not self.placed:
            return Raw({}, {})
        start = self._positions[REVIEWS]
        stop = min(len(self._entries), start + self._per_read)
        if start == stop:
            return Raw({}, {})
        self._positions[REVIEWS] = stop
        records = [record(offset) for offset in range(start, stop) if self._entries[offset]]
        return Raw({REVIEWS: records} if records else {}, {REVIEWS: OffsetRange(start, stop)})

    async def note_offsets(self, ranges: Mapping[TopicPartition, OffsetRange]) -> None:
        self.noted += [read.stop for read in ranges.values()]

    async def lag(self) -> int:
        return sum(len(self._entries) - position for position in self._positions.values())


class MemoryStore(Sink):
    """Ids in a list. `troubles` are raised by the next calls of `apply`, one each; `None` is none."""

    name = "memory"
    topics = frozenset({"reviews"})

    def __init__(self, *troubles: ShoplakeError | None) -> None:
        self.troubles = deque(troubles)
        self.ids: list[str] = []
        self.checkpoints: dict[TopicPartition, Checkpoint] = {}
        self.closed = False
        self.prepared = 0

    async def prepare(self) -> None:
        self.prepared += 1

    async def open(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        for partition in partitions:
            found = self.checkpoints.get(partition, Checkpoint(0, 0))
            self.checkpoints[partition] = Checkpoint(found.next_offset, found.epoch + 1)
        return dict(self.checkpoints)

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        if self.troubles and (trouble := self.troubles.popleft()) is not None:
            raise trouble
        fresh = batch.after(self.checkpoints)
        self.ids += fresh.events["reviews"]["review_id"].to_list() if len(fresh) else []
        for partition, read in fresh.ranges.items():
            self.checkpoints[partition] = Checkpoint(read.stop, owner[partition])

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the loop wanted to wait, without the waiting."""
    wanted: list[float] = []

    async def note(stopping: asyncio.Event, seconds: float) -> None:
        wanted.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(loop_, "_wait", note)
    return wanted


class Run:
    """A loop with its log and its store, and what it reported."""

    def __init__(self, log: MemoryLog, store: MemoryStore, *, report_every_s: float = 0.5) -> None:
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
            await asyncio.sleep(0.001)


def ids(*offsets: int) -> list[str]:
    return [f"r{offset}" for offset in offsets]


async def test_all_that_is_in_the_log_comes_into_the_store_and_the_loop_ends() -> None:
    run = await Run(MemoryLog(*[True] * 5), MemoryStore()).until_caught_up()
    assert run.store.ids == ids(0, 1, 2, 3, 4)
    assert run.reports[-1] == Progress(applied=5, lag=0, state="caught up")
    assert run.log.noted[-3:] == [2, 4, 5]
    assert (run.store.closed, run.log.stopped) == (True, True)


async def test_the_loop_begins_where_the_store_stands() -> None:
    store = MemoryStore()
    store.checkpoints[REVIEWS] = Checkpoint(3, 7)
    run = await Run(MemoryLog(*[True] * 5), store).until_caught_up()
    assert run.log.sought == [3]
    assert run.store.ids == ids(3, 4)
    assert run.store.checkpoints[REVIEWS] == Checkpoint(5, 8)


async def test_what_follows_a_transactions_marker_leaves_no_gap() -> None:
    log = MemoryLog(True, True, False, True, False, False, True, False, per_read=1)
    run = await Run(log, MemoryStore()).until_caught_up()
    assert run.store.ids == ids(0, 1, 3, 6)
    assert run.store.checkpoints[REVIEWS].next_offset == 8


async def test_a_store_that_is_away_for_a_while_is_asked_again(pauses: list[float]) -> None:
    run = await Run(MemoryLog(True, True), MemoryStore(*[StoreUnavailable("away")] * 5)).until_caught_up()
    assert run.store.ids == ids(0, 1)
    assert "waiting" in [report.state for report in run.reports]
    assert len(pauses) == 5
    assert max(pauses) <= 0.2 * 2**4
    assert max(pauses[3:]) > max(pauses[:1])


async def test_a_store_that_stays_away_ends_the_loop_after_bounded_tries(pauses: list[float]) -> None:
    run = Run(MemoryLog(True), MemoryStore(*[StoreUnavailable("away")] * 100))
    with pytest.raises(StoreUnavailable, match="away"):
        await run.until_caught_up()
    assert len(run.store.troubles) == 100 - loop_.RETRIES
    assert all(pause <= loop_.LONGEST_PAUSE_S for pause in pauses)
    assert (run.store.closed, run.log.stopped) == (True, True)


async def test_a_store_that_asks_to_wait_is_given_about_that_time(pauses: list[float]) -> None:
    run = await Run(MemoryLog(True), MemoryStore(*[Backpressure("busy", retry_after_s=7)] * 3)).until_caught_up()
    assert run.store.ids == ids(0)
    assert len(pauses) == 3
    assert all(3.5 <= pause <= 7 for pause in pauses)


async def test_a_store_that_asks_to_wait_for_ever_ends_the_loop(pauses: list[float]) -> None:
    run = Run(MemoryLog(True), MemoryStore(*[Backpressure("busy", retry_after_s=1)] * 100))
    with pytest.raises(StoreUnavailable, match="memory: asked to wait 12 times in a row"):
        await run.until_caught_up()


async def test_another_error_of_a_store_is_not_tried_again(pauses: list[float]) -> None:
    with pytest.raises(SinkError, match="a gap"):
        await Run(MemoryLog(True), MemoryStore(SinkError("a gap"))).until_caught_up()
    assert pauses == []


async def test_a_fenced_loop_opens_nothing_until_the_group_says_so() -> None:
    run = Run(MemoryLog(True, True), MemoryStore(Fenced("a newer owner")))
    async with asyncio.TaskGroup() as group:
        task = run.started(group)
        await eventually(lambda: not run.store.troubles)
        await asyncio.sleep(0.15)
        assert run.store.checkpoints[REVIEWS].epoch == 1
        await run.log.on_partitions_revoked({REVIEWS})
        await run.log.on_partitions_assigned({REVIEWS})
        await eventually(lambda: len(run.store.ids) == 2)
        run.stopping.set()
        await task
    assert run.store.checkpoints[REVIEWS].epoch == 2
    assert run.store.ids == ids(0, 1)


async def test_a_fenced_loop_that_hears_nothing_ends_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_, "REBALANCE_WAIT_S", 0.05)
    with pytest.raises(Fenced, match="a newer owner"):
        await Run(MemoryLog(True), MemoryStore(Fenced("a newer owner"))).until_caught_up()


async def test_a_new_share_of_partitions_is_opened_again() -> None:
    run = Run(MemoryLog(True, True, True), MemoryStore())
    async with asyncio.TaskGroup() as group:
        task = run.started(group)
        await eventually(lambda: len(run.store.ids) == 3)
        await run.log.on_partitions_revoked({REVIEWS})
        await run.log.on_partitions_assigned({REVIEWS})
        await eventually(lambda: run.log.sought == [0, 3])
        run.stopping.set()
        await task
    assert run.store.ids == ids(0, 1, 2)


class RebalancedLog(MemoryLog):
    """Takes the partition away at the first look at the log's end, and gives it back a little later."""

    async def lag(self) -> int:
        if self.generation == 1:
            await self.on_partitions_revoked({REVIEWS})
            asyncio.get_running_loop().call_later(0.03, lambda: setattr(self, "generation", 2))
        return await super().lag()


async def test_during_a_rebalance_a_lag_of_nothing_is_not_caught_up() -> None:
    run = await Run(RebalancedLog(*[True] * 6), MemoryStore(), report_every_s=0).until_caught_up()
    assert run.log.sought == [0, 2]
    assert run.store.ids == ids(0, 1, 2, 3, 4, 5)


async def test_told_to_stop_the_loop_ends_and_closes_all() -> None:
    run = Run(MemoryLog(True), MemoryStore())
    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        run.started(group)
        await eventually(lambda: run.store.ids == ids(0))
        run.stopping.set()
    assert (run.store.closed, run.log.stopped) == (True, True)


async def test_told_to_stop_while_a_store_is_away_the_loop_ends_at_once() -> None:
    run = Run(MemoryLog(True), MemoryStore(*[Backpressure("busy", retry_after_s=600)] * 9))
    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        run.started(group)
        await eventually(lambda: len(run.store.troubles) < 9)
        run.stopping.set()
    assert run.store.ids == []
    assert (run.store.closed, run.log.stopped) == (True, True)
