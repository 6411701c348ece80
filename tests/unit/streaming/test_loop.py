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
async def test_all_that_is_in_the_log_comes_into_the_store_and_the_loop_ends() -> None:
    run = await Run(MemoryLog(*[True] * 5), MemoryStore()).until_caught_up()
    assert run.store.ids == ids(0, 1, 2, 3, 4)
    assert run.reports[-1] == Progress(applied=5, lag=0, state="caught up", batches=3, batch=1)
    assert run.log.noted[-4:] == [2, 4, 5, 5]
    assert (run.store.closed, run.log.stopped) == (True, True)


@virtually
async def test_the_loop_begins_where_the_store_stands() -> None:
    store = MemoryStore()
    store.stands[REVIEWS] = Checkpoint(3, 7)
    run = await Run(MemoryLog(*[True] * 5), store).until_caught_up()
    assert run.log.sought == [3]
    assert run.store.ids == ids(3, 4)
    assert run.store.stands[REVIEWS] == Checkpoint(5, 8)


@virtually
async def test_what_follows_a_transactions_marker_leaves_no_gap() -> None:
    log = MemoryLog(True, True, False, True, False, False, True, False, per_read=1)
    run = await Run(log, MemoryStore()).until_caught_up()
    assert run.store.ids == ids(0, 1, 3, 6)
    assert run.store.stands[REVIEWS].next_offset == 8


@virtually
async def test_a_store_that_is_away_for_a_while_is_asked_again() -> None:
    run = await Run(MemoryLog(True, True), MemoryStore(*[StoreUnavailable("away")] * 5)).until_caught_up()
    assert run.store.ids == ids(0, 1)
    assert {(r.state, r.waiting_for) for r in run.reports} > {("waiting", "memory"), ("caught up", "")}
    assert run.reports[-1].retries == 5
    assert len(run.store.pauses) == 5
    assert run.store.pauses == sorted(run.store.pauses)
    assert run.store.pauses[-1] <= 0.2 * 2**4 + 0.01


@virtually
async def test_the_breaker_opens_after_some_failures_and_a_probe_comes_before_the_work() -> None:
    run = await Run(MemoryLog(True, True), MemoryStore(*[StoreUnavailable("away")] * 4)).until_caught_up()
    assert [r.breaker for r in run.reports if r.state == "waiting"] == ["closed", "closed", "open", "open"]
    assert run.reports[-1].breaker == "closed"
    assert run.store.asked == 2


@virtually
async def test_while_a_store_is_away_nothing_is_fetched_and_the_group_hears_of_us() -> None:
    log = MemoryLog(*[True] * 10)
    run = await Run(log, MemoryStore(*[StoreUnavailable("away")] * 9)).until_caught_up()
    assert log.stays >= sum(run.store.pauses) // 1
    assert not log.paused
    assert run.store.ids == ids(*range(10))


@virtually
async def test_a_store_that_stays_away_ends_the_loop_after_a_bounded_time() -> None:
    run = Run(MemoryLog(True), MemoryStore(*[StoreUnavailable("away")] * 1000))
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable, match="away"):
        await run.until_caught_up()
    assert LIMIT_S <= time.monotonic() - begun < LIMIT_S + 15
    assert (run.store.closed, run.log.stopped) == (True, True)


@virtually
async def test_a_store_that_asks_to_wait_is_given_about_that_time() -> None:
    run = await Run(MemoryLog(True), MemoryStore(*[Backpressure("busy", retry_after_s=7)] * 3)).until_caught_up()
    assert run.store.ids == ids(0)
    assert len(run.store.pauses) == 3
    assert all(3.5 <= pause <= 7.1 for pause in run.store.pauses)
    assert {report.breaker for report in run.reports} == {"closed"}


@virtually
async def test_a_store_that_asks_to_wait_for_ever_ends_the_loop() -> None:
    run = Run(MemoryLog(True), MemoryStore(*[Backpressure("busy", retry_after_s=1)] * 1000))
    with pytest.raises(StoreUnavailable, match="memory keeps asking to wait: busy"):
        await run.until_caught_up()


@virtually
async def test_a_part_of_a_store_that_asks_to_wait_is_left_alone_and_its_events_are_read_again() -> None:
    slow = Backpressure("busy", retry_after_s=1, partitions=frozenset({REVIEWS}))
    log = MemoryLog(*[True] * 6)
    run = await Run(log, MemoryStore(None, slow, slow), report_every_s=0).until_caught_up()
    assert run.store.ids == ids(0, 1, 2, 3, 4, 5)
    assert 1 in [report.held for report in run.reports]
    assert run.reports[-1].applied == 6


@virtually
async def test_a_part_of_a_store_that_asks_to_wait_for_ever_ends_the_loop() -> None:
    slow = Backpressure("busy", retry_after_s=1, partitions=frozenset({REVIEWS}))
    with pytest.raises(StoreUnavailable, match="memory keeps asking to wait: busy"):
        await Run(MemoryLog(*[True] * 6), MemoryStore(*[slow] * 100_000)).until_caught_up()


@virtually
async def test_another_error_of_a_store_is_not_tried_again() -> None:
    run = Run(MemoryLog(True), MemoryStore(SinkError("a bug")))
    with pytest.raises(SinkError, match="a bug"):
        await run.until_caught_up()
    assert run.store.pauses == []


@virtually
async def test_kafka_is_waited_for_and_what_it_says_then_comes_into_the_store() -> None:
    away = [LogUnavailable("gone")] * 5
    run = await Run(MemoryLog(*[True] * 5, troubles=[None, *away]), MemoryStore()).until_caught_up()
    assert run.store.ids == ids(0, 1, 2, 3, 4)
    assert ("waiting", "kafka") in {(report.state, report.waiting_for) for report in run.reports}
    assert (run.reports[-1].state, run.reports[-1].waiting_for) == ("caught up", "")


@virtually
async def test_kafka_that_stays_away_ends_the_loop_after_a_bounded_time() -> None:
    begun = time.monotonic()
    with pytest.raises(LogUnavailable, match="gone"):
        await Run(MemoryLog(True, troubles=[LogUnavailable("gone")] * 1000), MemoryStore()).until_caught_up()
    assert LIMIT_S <= time.monotonic() - begun < LIMIT_S + 15


@virtually
async def test_a_log_that_was_cut_ends_the_loop_at_once() -> None:
    run = Run(MemoryLog(True, True, troubles=[None, StreamHalted("cut")]), MemoryStore())
    with pytest.raises(StreamHalted, match="cut"):
        await run.until_caught_up()
    assert run.store.ids == ids(0, 1)


@virtually
async def test_a_store_that_was_filled_from_another_topic_is_refused() -> None:
    store = MemoryStore()
    store.identity = {"reviews": "another-topic/1"}
    with pytest.raises(StreamHalted, match="memory: topic reviews was recreated: its id was another-topic"):
        await Run(MemoryLog(True), store).until_caught_up()
    assert (store.ids, store.stands) == ([], {})


@virtually
async def test_a_store_that_was_filled_from_another_number_of_partitions_is_refused() -> None:
    store = MemoryStore()
    store.identity = {"reviews": "a-topic/6"}
    with pytest.raises(StreamHalted, match="reviews had 6 partitions when this store was filled, and has 1 now"):
        await Run(MemoryLog(True), store).until_caught_up()
    assert (store.ids, store.stands) == ([], {})


@virtually
async def test_markers_alone_move_the_checkpoint_with_the_next_event_and_not_by_themselves() -> None:
    run = await Run(MemoryLog(True, False, False, False, True, per_read=1), MemoryStore()).until_caught_up()
    assert run.store.applied == [1, 1]
    assert run.store.stands[REVIEWS].next_offset == 5


@virtually
async def test_markers_at_the_end_move_the_checkpoint_once_all_is_read() -> None:
    run = await Run(MemoryLog(True, False, False, False, per_read=1), MemoryStore()).until_caught_up()
    assert run.store.applied == [1, 0]
    assert run.store.stands[REVIEWS].next_offset == 4


@virtually
async def test_markers_alone_move_the_checkpoint_after_a_while() -> None:
    run = Run(MemoryLog(True, False, False, False, per_read=1), MemoryStore())
    async with asyncio.TaskGroup() as group:
        begun = time.monotonic()
        task = run.started(group)
        await eventually(lambda: run.store.applied == [1, 0])
        run.stopping.set()
        await task
    assert 30 <= time.monotonic() - begun < 33


@virtually
async def test_a_fenced_loop_opens_nothing_until_the_group_says_so() -> None:
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
async def test_a_fenced_loop_that_hears_nothing_ends_with_the_reason() -> None:
    run = Run(MemoryLog(True), MemoryStore(Fenced("a newer owner")))
    run.log.ours = False
    with pytest.raises(Fenced, match="a newer owner"):
        await run.until_caught_up()


@virtually
async def test_a_loop_that_the_group_still_knows_takes_a_forgetful_store_again() -> None:
    run = await Run(MemoryLog(*[True] * 4), Forgetful(after=1)).until_caught_up()
    assert run.store.ids == ids(0, 1, 2, 3)
    assert run.log.sought == [0, 0]


@virtually
@pytest.mark.parametrize("kind", [Forgetful, WentBack])
async def test_a_store_that_loses_something_while_nothing_comes_is_filled_again(kind: type[Forgetful]) -> None:
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
async def test_an_idle_store_is_left_alone_most_of_the_time() -> None:
    run = Run(MemoryLog(True, True), MemoryStore())
    async with asyncio.TaskGroup() as group:
        task = run.started(group)
        await asyncio.sleep(10.5 * loop_.STORE_CHECK_S)
        run.stopping.set()
        await task
    assert run.store.asked == 10


@virtually
async def test_a_loop_whose_store_went_back_goes_back_too() -> None:
    run = await Run(MemoryLog(*[True] * 6), WentBack(after=2)).until_caught_up()
    assert run.store.ids == ids(0, 1, 2, 3, 4, 5)
    assert run.log.sought == [0, 2]


@virtually
async def test_a_loop_that_is_fenced_again_and_again_by_nobody_of_its_group_gives_up() -> None:
    run = Run(MemoryLog(True), MemoryStore(*[Fenced("somebody else")] * 100))
    with pytest.raises(Fenced, match="somebody else"):
        await run.until_caught_up()
    assert run.store.stands[REVIEWS].epoch == loop_.MAX_RECLAIMS + 1


@virtually
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
async def test_a_store_that_is_being_rebuilt_is_left_to_it_for_longer_than_one_that_is_away() -> None:
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
async def test_a_rebuild_that_was_forgotten_ends_the_loop_after_a_bounded_time() -> None:
    run = Run(MemoryLog(True), BeingFilled())
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable, match="memory keeps asking to wait: filled by somebody else"):
        await run._loop.run(until_caught_up=True, stopping=run.stopping)
    assert time.monotonic() - begun >= loop_.REBUILD_LIMIT_S


@virtually
async def test_a_store_that_let_us_wait_through_a_rebalance_is_opened_for_the_new_share_alone() -> None:
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
async def test_a_worker_whose_first_batch_takes_long_says_how_much_is_ahead() -> None:
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
async def test_during_a_rebalance_a_lag_of_nothing_is_not_caught_up() -> None:
    run = await Run(RebalancedLog(*[True] * 6), MemoryStore(), report_every_s=0).until_caught_up()
    assert run.log.sought == [0, 2]
    assert run.store.ids[:2] == ids(0, 1)


@virtually
async def test_a_batch_in_hand_is_given_up_when_the_partitions_are_taken_away_while_its_store_is_away() -> None:
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
async def test_a_loop_without_a_share_stands_by_and_is_not_caught_up() -> None:
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
async def test_told_to_stop_the_loop_ends_and_closes_all() -> None:
    run = Run(MemoryLog(True), MemoryStore())
    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        run.started(group)
        await eventually(lambda: run.store.ids == ids(0))
        run.stopping.set()
    assert (run.store.closed, run.log.stopped) == (True, True)


@virtually
async def test_told_to_stop_while_a_store_is_away_the_loop_ends_at_once() -> None:
    run = Run(MemoryLog(True), MemoryStore(*[Backpressure("busy", retry_after_s=600)] * 9))
    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        run.started(group)
        await eventually(lambda: len(run.store.troubles) < 9)
        run.stopping.set()
    assert run.store.ids == []
    assert (run.store.closed, run.log.stopped) == (True, True)


@virtually
async def test_what_a_newer_contract_decides_about_is_left_and_said_to_be_so() -> None:
    run = Run(MemoryLog(*[True] * 5, limit=3), MemoryStore())
    with pytest.raises(NewerContract):
        await run.until_caught_up()
    assert run.store.ids == ids(0, 1, 2)
    assert (run.reports[-1].state, run.reports[-1].lag) == ("waiting", 2)
    assert "an upgrade" in run.reports[-1].waiting_for


@virtually
async def test_a_loop_that_goes_on_waits_for_the_upgrade_and_is_stopped_like_any_other() -> None:
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
async def test_a_batch_goes_into_the_store_in_the_parts_that_the_sink_asks_for() -> None:
    run = await Run(MemoryLog(*[True] * 5, per_read=5), ByOne(), report_every_s=0).until_caught_up()
    assert run.store.ids == ids(0, 1, 2, 3, 4)
    assert run.store.applied == [1] * 5
    assert run.reports[-1] == Progress(applied=5, lag=0, state="caught up", batches=5, batch=1)
    assert [r.lag for r in run.reports if r.state == "streaming"] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("failing", range(5))
@virtually
async def test_a_part_that_fails_is_tried_again_and_those_before_it_are_not(failing: int) -> None:
    troubles = [None] * failing + [StoreUnavailable("away")]
    run = await Run(MemoryLog(*[True] * 5, per_read=5), ByOne(*troubles)).until_caught_up()
    assert run.store.ids == ids(0, 1, 2, 3, 4)
    assert run.store.applied == [1] * 5


@virtually
async def test_parts_behind_one_that_is_held_are_left_for_later_too() -> None:
    held = Backpressure("slow", retry_after_s=1.0, partitions=frozenset({REVIEWS}))
    run = await Run(MemoryLog(*[True] * 5, per_read=5), ByOne(None, held)).until_caught_up()
    assert run.store.ids == ids(0, 1, 2, 3, 4)
    assert run.reports[-1].applied == 5
