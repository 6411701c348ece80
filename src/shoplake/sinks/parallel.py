"""Blocking client libraries, called from threads: a bounded number at once, and errors as if called one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

A = TypeVar("A")
T = TypeVar("T")

PARALLEL_CALLS = 8


class StoreThreads:
    """The threads in which the blocking client of one store is called.

    They are not asyncio's own, of which there are few: those also resolve the addresses of all other stores, which
    would have to wait until a slow store has answered.
    """

    def __init__(self, store: str) -> None:
        self._executor = ThreadPoolExecutor(PARALLEL_CALLS, thread_name_prefix=store)

    async def call(self, function: Callable[..., T], *arguments: object) -> T:
        """The result of one call."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, partial(function, *arguments))

    async def each(self, call: Callable[[A], T], arguments: Sequence[A]) -> list[T]:
        """Results of the calls, as of `in_parallel`."""
        return await in_parallel(call, arguments, self._executor)

    def close(self) -> None:
        """Begin no further call; those that are made end by themselves."""
        self._executor.shutdown(wait=False, cancel_futures=True)


async def in_parallel(call: Callable[[A], T], arguments: Sequence[A], threads: Executor | None = None) -> list[T]:
    """Results of the calls, in order of the arguments.

    Args:
        call: what blocks.
        arguments: of one call each.
        threads: in which to call; asyncio's own for None.

    Raises:
        Exception: what the first failing call raised; calls that have not begun are not made, and those that have
            are waited for: a thread cannot be stopped, and must not write beside the caller's next try.
    """
    slots = asyncio.Semaphore(PARALLEL_CALLS)
    loop = asyncio.get_running_loop()
    failures: list[Exception] = []

    async def one(argument: A) -> list[T]:
        async with slots:
            if failures:
                return []
            try:
                return [await loop.run_in_executor(threads, call, argument)]
            except Exception as error:
                failures.append(error)
                return []

    results = await asyncio.gather(*map(one, arguments))
    if failures:
        raise failures[0]
    return [result for found in results for result in found]
