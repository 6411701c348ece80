"""A sink's loop with a log and a store in memory: order, checkpoints, control records, versions, parts and stops."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import polars as pl
import pytest
from tests.virtual_time import virtually

from shoplake.errors import (
    Backpressure,
    NewerContract,
    StoreUnavailable,
    StreamHalted,
)
from shoplake.sinks.base import Batch, Checkpoint, OffsetRange
from shoplake.streaming.worker_reports import Progress

from .loop_doubles import REVIEWS, WAIT_S, MemoryLog, MemoryStore, Run, eventually, ids

READ = '{"reviews": {"0": 5}}'


@virtually
async def test_the_loop_applies_the_whole_log_and_ends() -> None:
    run = await Run(MemoryLog(*[True] * 5), MemoryStore()).until_caught_up()
    assert run.store.ids == ids(0, 1, 2, 3, 4)
    assert run.reports[-1] == Progress(applied=5, lag=0, state="caught up", batches=3, batch=1, positions=READ)
    assert run.log.noted[-4:] == [2, 4, 5, 5]
    assert (run.store.closed, run.log.stopped) == (True, True)


@virtually
async def test_the_loop_starts_at_the_stores_checkpoint() -> None:
    store = MemoryStore()
    store.stands[REVIEWS] = Checkpoint(3, 7)
    run = await Run(MemoryLog(*[True] * 5), store).until_caught_up()
    assert run.log.sought == [3]
    assert run.store.ids == ids(3, 4)
    assert run.store.stands[REVIEWS] == Checkpoint(5, 8)


@virtually
async def test_records_after_a_transaction_marker_leave_no_gap() -> None:
    log = MemoryLog(True, True, False, True, False, False, True, False, per_read=1)
    run = await Run(log, MemoryStore()).until_caught_up()
    assert run.store.ids == ids(0, 1, 3, 6)
    assert run.store.stands[REVIEWS].next_offset == 8


@virtually
async def test_a_truncated_log_ends_the_loop_at_once() -> None:
    run = Run(MemoryLog(True, True, troubles=[None, StreamHalted("cut")]), MemoryStore())
    with pytest.raises(StreamHalted, match="cut"):
        await run.until_caught_up()
    assert run.store.ids == ids(0, 1)


@virtually
async def test_a_store_filled_from_another_topic_is_refused() -> None:
    store = MemoryStore()
    store.identity = {"reviews": "another-topic/1"}
    with pytest.raises(StreamHalted, match="memory: topic reviews was recreated: its id was another-topic"):
        await Run(MemoryLog(True), store).until_caught_up()
    assert (store.ids, store.stands) == ([], {})


@virtually
async def test_a_store_filled_with_another_partition_count_is_refused() -> None:
    store = MemoryStore()
    store.identity = {"reviews": "a-topic/6"}
    with pytest.raises(StreamHalted, match="reviews had 6 partitions when this store was filled, and has 1 now"):
        await Run(MemoryLog(True), store).until_caught_up()
    assert (store.ids, store.stands) == ([], {})


@virtually
async def test_control_records_move_the_checkpoint_with_the_next_event() -> None:
    run = await Run(MemoryLog(True, False, False, False, True, per_read=1), MemoryStore()).until_caught_up()
    assert run.store.applied == [1, 1]
    assert run.store.stands[REVIEWS].next_offset == 5


@virtually
async def test_control_records_at_the_end_move_the_checkpoint_once() -> None:
    run = await Run(MemoryLog(True, False, False, False, per_read=1), MemoryStore()).until_caught_up()
    assert run.store.applied == [1, 0]
    assert run.store.stands[REVIEWS].next_offset == 4


@virtually
async def test_control_records_alone_move_the_checkpoint_after_a_delay() -> None:
    run = Run(MemoryLog(True, False, False, False, per_read=1), MemoryStore())
    async with asyncio.TaskGroup() as group:
        begun = time.monotonic()
        task = run.started(group)
        await eventually(lambda: run.store.applied == [1, 0])
        run.stopping.set()
        await task
    assert 30 <= time.monotonic() - begun < 33


@virtually
async def test_a_stop_ends_the_loop_and_closes_everything() -> None:
    run = Run(MemoryLog(True), MemoryStore())
    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        run.started(group)
        await eventually(lambda: run.store.ids == ids(0))
        run.stopping.set()
    assert (run.store.closed, run.log.stopped) == (True, True)


@virtually
async def test_a_stop_during_an_outage_ends_the_loop_at_once() -> None:
    run = Run(MemoryLog(True), MemoryStore(*[Backpressure("busy", retry_after_s=600)] * 9))
    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        run.started(group)
        await eventually(lambda: len(run.store.troubles) < 9)
        run.stopping.set()
    assert run.store.ids == []
    assert (run.store.closed, run.log.stopped) == (True, True)


@virtually
async def test_records_of_a_newer_contract_are_left_and_reported() -> None:
    run = Run(MemoryLog(*[True] * 5, limit=3), MemoryStore())
    with pytest.raises(NewerContract):
        await run.until_caught_up()
    assert run.store.ids == ids(0, 1, 2)
    assert (run.reports[-1].state, run.reports[-1].lag) == ("waiting", 2)
    assert "an upgrade" in run.reports[-1].waiting_for


@virtually
async def test_a_continuous_loop_waits_for_the_upgrade_and_can_be_stopped() -> None:
    run = Run(MemoryLog(True, True, limit=0), MemoryStore())
    async with asyncio.TaskGroup() as group:
        run.started(group)
        await eventually(lambda: any("an upgrade" in report.waiting_for for report in run.reports))
        run.stopping.set()
    assert run.store.ids == []


class ByOne(MemoryStore):
    """Takes one event in each call."""

    def split(self, batch: Batch) -> Iterable[Batch]:
        start, stop = batch.ranges[REVIEWS]
        frame = batch.events.get("reviews", pl.DataFrame({"offset": []}))
        for offset in range(start, stop):
            yield Batch(
                {"reviews": frame.filter(pl.col("offset") == offset)}, {REVIEWS: OffsetRange(offset, offset + 1)}
            )


@virtually
async def test_a_batch_is_applied_in_the_parts_that_the_sink_defines() -> None:
    run = await Run(MemoryLog(*[True] * 5, per_read=5), ByOne(), report_every_s=0).until_caught_up()
    assert run.store.ids == ids(0, 1, 2, 3, 4)
    assert run.store.applied == [1] * 5
    assert run.reports[-1] == Progress(applied=5, lag=0, state="caught up", batches=5, batch=1, positions=READ)
    assert [r.lag for r in run.reports if r.state == "streaming"] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("failing", range(5))
@virtually
async def test_only_a_failed_part_is_retried(failing: int) -> None:
    troubles = [None] * failing + [StoreUnavailable("away")]
    run = await Run(MemoryLog(*[True] * 5, per_read=5), ByOne(*troubles)).until_caught_up()
    assert run.store.ids == ids(0, 1, 2, 3, 4)
    assert run.store.applied == [1] * 5


@virtually
async def test_parts_after_a_deferred_part_are_deferred_too() -> None:
    held = Backpressure("slow", retry_after_s=1.0, partitions=frozenset({REVIEWS}))
    run = await Run(MemoryLog(*[True] * 5, per_read=5), ByOne(None, held)).until_caught_up()
    assert run.store.ids == ids(0, 1, 2, 3, 4)
    assert run.reports[-1].applied == 5
