"""When a sink's loop retries, waits, gives a partition up and stops: a log and a store of plain Python at its seams."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping

import polars as pl
import pytest
from tests.virtual_time import virtually

from shoplake.backoff import LIMIT_S
from shoplake.errors import (
    Backpressure,
    BeingRebuilt,
    Fenced,
    LogUnavailable,
    NewerContract,
    SinkError,
    StoreUnavailable,
    StreamHalted,
)
from shoplake.sinks.base import Batch, Checkpoint, OffsetRange, TopicPartition
from shoplake.streaming import loop as loop_
from shoplake.streaming.worker_reports import Progress

from .loop_doubles import REVIEWS, WAIT_S, Forgetful, MemoryLog, MemoryStore, Run, WentBack, eventually, ids


@virtually
async def test_the_loop_applies_the_whole_log_and_ends() -> None:
    run = await Run(MemoryLog(*[True] * 5), MemoryStore()).until_caught_up()
    assert run.store.ids == ids(0, 1, 2, 3, 4)
    assert run.reports[-1] == Progress(applied=5, lag=0, state="caught up", batches=3, batch=1)
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
async def test_an_unavailable_store_is_retried() -> None:
    run = await Run(MemoryLog(True, True), MemoryStore(*[StoreUnavailable("away")] * 5)).until_caught_up()
    assert run.store.ids == ids(0, 1)
    assert {(r.state, r.waiting_for) for r in run.reports} > {("waiting", "memory"), ("caught up", "")}
    assert run.reports[-1].retries == 5
    assert len(run.store.pauses) == 5
    assert run.store.pauses == sorted(run.store.pauses)
    assert run.store.pauses[-1] <= 0.2 * 2**4 + 0.01


@virtually
async def test_the_circuit_breaker_opens_and_probes_before_the_next_write() -> None:
    run = await Run(MemoryLog(True, True), MemoryStore(*[StoreUnavailable("away")] * 4)).until_caught_up()
    assert [r.breaker for r in run.reports if r.state == "waiting"] == ["closed", "closed", "open", "open"]
    assert run.reports[-1].breaker == "closed"
    assert run.store.asked == 2


@virtually
async def test_an_unavailable_store_pauses_fetching_and_keeps_group_membership() -> None:
    log = MemoryLog(*[True] * 10)
    run = await Run(log, MemoryStore(*[StoreUnavailable("away")] * 9)).until_caught_up()
    assert log.stays >= sum(run.store.pauses) // 1
    assert not log.paused
    assert run.store.ids == ids(*range(10))


@virtually
async def test_a_store_that_stays_unavailable_ends_the_loop_in_bounded_time() -> None:
    run = Run(MemoryLog(True), MemoryStore(*[StoreUnavailable("away")] * 1000))
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable, match="away"):
        await run.until_caught_up()
    assert LIMIT_S <= time.monotonic() - begun < LIMIT_S + 15
    assert (run.store.closed, run.log.stopped) == (True, True)


@virtually
async def test_backpressure_pauses_for_about_the_requested_time() -> None:
    run = await Run(MemoryLog(True), MemoryStore(*[Backpressure("busy", retry_after_s=7)] * 3)).until_caught_up()
    assert run.store.ids == ids(0)
    assert len(run.store.pauses) == 3
    assert all(3.5 <= pause <= 7.1 for pause in run.store.pauses)
    assert {report.breaker for report in run.reports} == {"closed"}


@virtually
async def test_endless_backpressure_ends_the_loop() -> None:
    run = Run(MemoryLog(True), MemoryStore(*[Backpressure("busy", retry_after_s=1)] * 1000))
    with pytest.raises(StoreUnavailable, match="memory keeps asking to wait: busy"):
        await run.until_caught_up()


@virtually
async def test_backpressure_of_a_partition_pauses_it_and_rereads_its_events() -> None:
    slow = Backpressure("busy", retry_after_s=1, partitions=frozenset({REVIEWS}))
    log = MemoryLog(*[True] * 6)
    run = await Run(log, MemoryStore(None, slow, slow), report_every_s=0).until_caught_up()
    assert run.store.ids == ids(0, 1, 2, 3, 4, 5)
    assert 1 in [report.held for report in run.reports]
    assert run.reports[-1].applied == 6


@virtually
async def test_endless_backpressure_of_a_partition_ends_the_loop() -> None:
    slow = Backpressure("busy", retry_after_s=1, partitions=frozenset({REVIEWS}))
    with pytest.raises(StoreUnavailable, match="memory keeps asking to wait: busy"):
        await Run(MemoryLog(*[True] * 6), MemoryStore(*[slow] * 100_000)).until_caught_up()


@virtually
async def test_a_permanent_error_of_a_store_is_not_retried() -> None:
    run = Run(MemoryLog(True), MemoryStore(SinkError("a bug")))
    with pytest.raises(SinkError, match="a bug"):
        await run.until_caught_up()
    assert run.store.pauses == []


@virtually
async def test_the_loop_waits_for_kafka_and_then_applies_its_records() -> None:
    away = [LogUnavailable("gone")] * 5
    run = await Run(MemoryLog(*[True] * 5, troubles=[None, *away]), MemoryStore()).until_caught_up()
    assert run.store.ids == ids(0, 1, 2, 3, 4)
    assert ("waiting", "kafka") in {(report.state, report.waiting_for) for report in run.reports}
    assert (run.reports[-1].state, run.reports[-1].waiting_for) == ("caught up", "")


@virtually
async def test_an_unavailable_kafka_ends_the_loop_in_bounded_time() -> None:
    begun = time.monotonic()
    with pytest.raises(LogUnavailable, match="gone"):
        await Run(MemoryLog(True, troubles=[LogUnavailable("gone")] * 1000), MemoryStore()).until_caught_up()
    assert LIMIT_S <= time.monotonic() - begun < LIMIT_S + 15


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
async def test_a_fenced_loop_waits_for_the_next_assignment() -> None:
    run = Run(MemoryLog(True, True), MemoryStore(Fenced("a newer owner")))
    run.log.ours = False
    async with asyncio.TaskGroup() as group:
        task = run.started(group)
        await eventually(lambda: not run.store.troubles)
        await asyncio.sleep(10)
        assert run.store.stands[REVIEWS].epoch == 1
        await run.log.on_partitions_revoked({REVIEWS})
        await run.log.on_partitions_assigned({REVIEWS})
        await eventually(lambda: len(run.store.ids) == 2)
        run.stopping.set()
        await task
    assert run.store.stands[REVIEWS].epoch == 2
    assert run.store.ids == ids(0, 1)


@virtually
async def test_a_fenced_loop_without_an_assignment_ends_with_the_reason() -> None:
    run = Run(MemoryLog(True), MemoryStore(Fenced("a newer owner")))
    run.log.ours = False
    with pytest.raises(Fenced, match="a newer owner"):
        await run.until_caught_up()


@virtually
async def test_a_group_member_reopens_a_store_that_lost_its_state() -> None:
    run = await Run(MemoryLog(*[True] * 4), Forgetful(after=1)).until_caught_up()
    assert run.store.ids == ids(0, 1, 2, 3)
    assert run.log.sought == [0, 0]


@virtually
@pytest.mark.parametrize("kind", [Forgetful, WentBack])
async def test_an_idle_loop_refills_a_store_that_lost_data(kind: type[Forgetful]) -> None:
    run = Run(MemoryLog(*[True] * 4), kind(after=WAIT_S))
    async with asyncio.TaskGroup() as group:
        task = run.started(group)
        await eventually(lambda: run.store.ids == ids(0, 1, 2, 3))
        run.store.forget()
        await eventually(lambda: run.store.ids == ids(0, 1, 2, 3))
        run.stopping.set()
        await task
    assert len(run.log.sought) == 2


@virtually
async def test_an_idle_store_is_rarely_checked() -> None:
    run = Run(MemoryLog(True, True), MemoryStore())
    async with asyncio.TaskGroup() as group:
        task = run.started(group)
        await asyncio.sleep(10.5 * loop_.STORE_CHECK_S)
        run.stopping.set()
        await task
    assert run.store.asked == 10


@virtually
async def test_a_loop_rewinds_when_its_store_was_restored_to_an_older_state() -> None:
    run = await Run(MemoryLog(*[True] * 6), WentBack(after=2)).until_caught_up()
    assert run.store.ids == ids(0, 1, 2, 3, 4, 5)
    assert run.log.sought == [0, 2]


@virtually
async def test_a_loop_fenced_repeatedly_from_outside_its_group_ends() -> None:
    run = Run(MemoryLog(True), MemoryStore(*[Fenced("somebody else")] * 100))
    with pytest.raises(Fenced, match="somebody else"):
        await run.until_caught_up()
    assert run.store.stands[REVIEWS].epoch == loop_.MAX_RECLAIMS + 1


@virtually
async def test_a_new_assignment_is_opened() -> None:
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


class BeingFilled(MemoryStore):
    """Somebody else fills it for as long as `held`."""

    def __init__(self) -> None:
        super().__init__()
        self.held = True
        self.asked_in: list[float] = []

    async def open(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        self.asked_in.append(time.monotonic())
        if self.held:
            raise BeingRebuilt("filled by somebody else", retry_after_s=20)
        return await super().open(partitions)


@virtually
async def test_the_loop_waits_longer_for_a_rebuild_than_for_an_outage() -> None:
    run = Run(MemoryLog(True, True), BeingFilled())
    async with asyncio.TaskGroup() as group:
        task = run.started(group)
        await asyncio.sleep(10 * LIMIT_S)
        run.store.held = False
        await eventually(lambda: run.store.ids == ids(0, 1))
        run.stopping.set()
        await task
    assert run.log.stays > 0
    assert run.store.stands[REVIEWS].epoch == 1


@virtually
async def test_an_abandoned_rebuild_ends_the_loop_in_bounded_time() -> None:
    run = Run(MemoryLog(True), BeingFilled())
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable, match="memory keeps asking to wait: filled by somebody else"):
        await run._loop.run(until_caught_up=True, stopping=run.stopping)
    assert time.monotonic() - begun >= loop_.REBUILD_LIMIT_S


@virtually
async def test_after_backpressure_and_a_rebalance_only_the_new_assignment_is_opened() -> None:
    run = Run(MemoryLog(True, True), BeingFilled())
    async with asyncio.TaskGroup() as group:
        task = run.started(group)
        await eventually(lambda: len(run.store.asked_in) == 1)
        await run.log.on_partitions_revoked({REVIEWS})
        run.store.held = False
        await asyncio.sleep(60)
        assert run.store.stands == {}
        await run.log.on_partitions_assigned({REVIEWS})
        await eventually(lambda: run.store.ids == ids(0, 1))
        run.stopping.set()
        await task
    assert run.store.stands[REVIEWS].epoch == 1


@virtually
async def test_a_slow_first_batch_is_reported_with_the_lag() -> None:
    run = await Run(MemoryLog(True, True), MemoryStore()).until_caught_up()
    states = [(said.state, said.applied, said.lag) for said in run.reports]
    assert states[:2] == [("joining", 0, 0), ("streaming", 0, 2)]


class RebalancedLog(MemoryLog):
    """Takes the partition away at the first look at the log's end after a batch, and gives it back a little later."""

    looks = 0

    async def ends(self) -> dict[TopicPartition, int]:
        self.looks += 1
        if self.looks == 2:  # the first was when the partition came
            asyncio.get_running_loop().call_later(0.3, self._share_out)
            await self.on_partitions_revoked({REVIEWS})
        return {REVIEWS: 0}

    def _share_out(self) -> None:
        self.generation += 1
        self.revoked.clear()


@virtually
async def test_a_zero_lag_during_a_rebalance_is_not_caught_up() -> None:
    run = await Run(RebalancedLog(*[True] * 6), MemoryStore(), report_every_s=0).until_caught_up()
    assert run.log.sought == [0, 2]
    assert run.store.ids[:2] == ids(0, 1)


@virtually
async def test_a_pending_batch_is_dropped_when_its_partitions_are_revoked() -> None:
    run = Run(MemoryLog(True, True), MemoryStore(*[StoreUnavailable("away")] * 5))
    async with asyncio.TaskGroup() as group:
        task = run.started(group)
        await eventually(lambda: len(run.store.troubles) == 1)
        begun = time.monotonic()
        await run.log.on_partitions_revoked({REVIEWS})
        assert time.monotonic() - begun < 0.1
        await run.log.on_partitions_assigned({REVIEWS})
        await eventually(lambda: run.store.ids == ids(0, 1))
        run.stopping.set()
        await task
    assert run.store.stands[REVIEWS].epoch == 2


class NobodysLog(MemoryLog):
    """All partitions are somebody else's for a while."""

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset({REVIEWS}) if self.generation > 1 else frozenset()


@virtually
async def test_a_loop_without_partitions_is_idle_and_not_caught_up() -> None:
    run = Run(NobodysLog(True, True), MemoryStore(), report_every_s=0)
    async with asyncio.TaskGroup() as group:
        task = run.started(group)
        await asyncio.sleep(5)
        assert {report.state for report in run.reports} == {"joining", "standby"}
        await run.log.on_partitions_revoked(set())
        await run.log.on_partitions_assigned({REVIEWS})
        await eventually(lambda: run.reports[-1].state == "caught up")
        run.stopping.set()
        await task
    assert run.store.ids == ids(0, 1)


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
    assert run.reports[-1] == Progress(applied=5, lag=0, state="caught up", batches=5, batch=1)
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
