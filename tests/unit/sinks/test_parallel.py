"""Blocking calls from threads: results in order, and no thread left writing behind the caller's back."""

from __future__ import annotations

import threading
import time

import pytest

from shoplake.errors import StoreUnavailable
from shoplake.sinks.parallel import PARALLEL_CALLS, in_parallel


async def test_results_come_in_the_order_of_the_arguments() -> None:
    def slowest_first(number: int) -> int:
        time.sleep((4 - number) / 100)
        return number * number

    assert await in_parallel(slowest_first, [1, 2, 3]) == [1, 4, 9]


async def test_nothing_is_called_for_nothing() -> None:
    assert await in_parallel(lambda _: pytest.fail("called"), []) == []


async def test_calls_that_run_are_waited_for_before_a_failure_is_told() -> None:
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


async def test_after_a_failure_no_further_call_is_made() -> None:
    made = []

    def call(number: int) -> None:
        made.append(number)
        raise StoreUnavailable(f"call {number}")

    with pytest.raises(StoreUnavailable):
        await in_parallel(call, list(range(100)))
    assert len(made) <= 2 * PARALLEL_CALLS
