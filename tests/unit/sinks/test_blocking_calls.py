"""Blocking calls from threads: results in order, and no thread left writing behind the caller's back."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from shoplake import sinks
from shoplake.errors import StoreUnavailable
from shoplake.settings import (
    DynamoDBSettings,
    KafkaSettings,
    LakeSettings,
    MongoSettings,
    PostgresSettings,
    RedisSettings,
    Settings,
)
from shoplake.sinks.base import Checkpoint, TopicPartition
from shoplake.sinks.blocking_calls import PARALLEL_CALLS, StoreThreads, in_parallel
from shoplake.sinks.dynamodb.sink import DynamoDBSink
from shoplake.sinks.lake.sink import LakeSink

SETTINGS = Settings.model_construct(
    environment="local",
    kafka=KafkaSettings.model_construct(),
    postgres=PostgresSettings.model_construct(),
    redis=RedisSettings.model_construct(),
    mongo=MongoSettings.model_construct(),
    dynamodb=DynamoDBSettings(sessions_table="s", orders_table="o", checkpoints_table="c"),
    lake=LakeSettings(bucket="b", warehouse="w", database="d", catalog="glue"),
)


async def test_results_come_in_the_order_of_the_arguments() -> None:
    def slowest_first(number: int) -> int:
        time.sleep((4 - number) / 100)
        return number * number

    assert await in_parallel(slowest_first, [1, 2, 3]) == [1, 4, 9]


async def test_nothing_is_called_for_nothing() -> None:
    assert await in_parallel(lambda _: pytest.fail("called"), []) == []


async def test_running_calls_finish_before_a_failure_is_raised() -> None:
    ended = []
    slow_runs = threading.Event()

    def call(name: str) -> None:
        if name == "failing":
            slow_runs.wait(5)
            raise StoreUnavailable("away")
        slow_runs.set()
        time.sleep(0.05)
        ended.append(name)

    with pytest.raises(StoreUnavailable, match="away"):
        await in_parallel(call, ["failing", "slow"])
    assert ended == ["slow"]


async def test_no_call_starts_after_a_failure() -> None:
    made = []

    def call(number: int) -> None:
        made.append(number)
        raise StoreUnavailable(f"call {number}")

    with pytest.raises(StoreUnavailable):
        await in_parallel(call, list(range(100)))
    assert len(made) <= 2 * PARALLEL_CALLS


async def test_a_slow_store_does_not_block_name_resolution() -> None:
    slow, answered = StoreThreads("slow"), threading.Event()
    loop = asyncio.get_running_loop()
    waiting = asyncio.ensure_future(slow.each(lambda _: answered.wait(30), range(100)))
    try:
        await asyncio.sleep(0.1)
        async with asyncio.timeout(5):
            assert await loop.getaddrinfo("localhost", 1)
            assert await StoreThreads("other").call(lambda: 1) == 1
    finally:
        answered.set()
        await waiting
        slow.close()


@pytest.mark.parametrize("store", ["lake", "dynamodb"])
async def test_a_blocking_client_runs_in_its_own_threads(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names: set[str] = set()

    def note(*_: object) -> dict[TopicPartition, Checkpoint]:
        names.add(threading.current_thread().name)
        return {}

    monkeypatch.setattr(LakeSink, "_read", note)
    monkeypatch.setattr(DynamoDBSink, "_read_chunk", note)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    sink = sinks.make(store, SETTINGS)
    await sink.checkpoints([TopicPartition("orders", 0)])
    await sink.close()
    assert names
    assert all(name.startswith(store) for name in names)


async def test_no_call_starts_while_a_timed_out_call_still_runs() -> None:
    threads, goes_on, at_work = StoreThreads("store"), threading.Event(), []

    def write(name: str) -> str:
        at_work.append(name)
        goes_on.wait(5)
        at_work.remove(name)
        return "+".join([name, *at_work])

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await threads.each(write, ["first"])
    for _ in range(2):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await threads.call(write, "second")
    assert at_work == ["first"]
    goes_on.set()
    assert await threads.each(write, ["third"]) == ["third"]
    threads.close()


async def test_a_cancelled_call_that_has_not_started_never_starts() -> None:
    threads, goes_on, begun = StoreThreads("store"), threading.Event(), []

    def write(number: int) -> None:
        begun.append(number)
        goes_on.wait(5)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await threads.each(write, list(range(PARALLEL_CALLS + 3)))
    goes_on.set()
    await threads.call(lambda: None)
    assert sorted(begun) == list(range(PARALLEL_CALLS))
    threads.close()
