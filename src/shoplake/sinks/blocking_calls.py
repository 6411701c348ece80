"""Blocking client libraries, called from threads: a bounded number at once, and errors as if called one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

A = TypeVar("A")
T = TypeVar("T")

PARALLEL_CALLS = 8
_LOOK_S = 0.05


class StoreThreads:
    """The threads in which the blocking client of one store is called.

    They are not asyncio's own, of which there are few: those also resolve the addresses of all other stores, which
    would have to wait until a slow store has answered.

    A thread cannot be stopped. One whose caller was cancelled, by a time-out for example, goes on writing; no other
    call begins before it has ended.
    """

    def __init__(self, store: str) -> None:
        self._executor = ThreadPoolExecutor(PARALLEL_CALLS, thread_name_prefix=store)
        self._abandoned: set[Future[Any]] = set()

    async def call(self, function: Callable[..., T], *arguments: object) -> T:
        """The result of one call."""
        await self._abandoned_ended()
        return await self._run(partial(function, *arguments))

    async def each(self, call: Callable[[A], T], arguments: Sequence[A]) -> list[T]:
        """Results of the calls, as of `in_parallel`."""
        await self._abandoned_ended()
        return await _all(lambda argument: self._run(partial(call, argument)), arguments)

    def close(self) -> None:
        """Begin no further call; those that are made end by themselves."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self, call: Callable[[], T]) -> T:
        running = self._executor.submit(call)
        try:
            return await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            if not running.done():  # it had begun
                self._abandoned.add(running)
            raise

    async def _abandoned_ended(self) -> None:
        while self._abandoned:
            self._abandoned = {running for running in self._abandoned if not running.done()}
            if self._abandoned:
                await asyncio.sleep(_LOOK_S)


async def in_parallel(call: Callable[[A], T], arguments: Sequence[A]) -> list[T]:
    """Results of the calls, in order of the arguments, from asyncio's own threads.

    Args:
        call: what blocks.
        arguments: of one call each.

    Raises:
        Exception: what the first failing call raised; calls that have not begun are not made, and those that have
            are waited for: a thread cannot be stopped, and must not write beside the caller's next try.
    """
    return await _all(lambda argument: asyncio.to_thread(call, argument), arguments)


async def _all(run: Callable[[A], Awaitable[T]], arguments: Sequence[A]) -> list[T]:
    slots = asyncio.Semaphore(PARALLEL_CALLS)
    failures: list[Exception] = []

    async def one(argument: A) -> list[T]:
        async with slots:
            if failures:
                return []
            try:
                return [await run(argument)]
            except Exception as error:
                failures.append(error)
                return []

    results = await asyncio.gather(*map(one, arguments))
    if failures:
        raise failures[0]
    return [result for found in results for result in found]
