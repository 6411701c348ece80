"""A sink's loop when the store or Kafka is unavailable: retries, circuit breaker, backpressure and bounded waits."""

from __future__ import annotations

import time

import pytest
from tests.virtual_time import virtually

from shoplake.backoff import LIMIT_S
from shoplake.errors import (
    Backpressure,
    LogUnavailable,
    SinkError,
    StoreUnavailable,
)

from .loop_doubles import REVIEWS, MemoryLog, MemoryStore, Run, ids


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
