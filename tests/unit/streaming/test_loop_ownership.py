"""A sink's loop when it loses partitions or the store's state: fencing, rebalances, rebuilds and refills."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping

import pytest
from tests.virtual_time import virtually

from shoplake.backoff import LIMIT_S
from shoplake.errors import (
    BeingRebuilt,
    Fenced,
    StoreUnavailable,
)
from shoplake.sinks.base import Checkpoint, TopicPartition
from shoplake.streaming import loop as loop_

from .loop_doubles import REVIEWS, WAIT_S, Forgetful, MemoryLog, MemoryStore, Run, WentBack, eventually, ids


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
