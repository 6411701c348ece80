"""Call blocking client libraries from threads: a bounded number at a time, and the first error is raised."""

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
    """A thread pool for the blocking client of one store.

    asyncio's default pool is not used: it is small and also resolves host names, so one slow store would block the
    connections to all others.

    A thread cannot be stopped. If its caller is cancelled, for example by a time-out, it may go on writing. So no
    further call starts before it has ended.
    """

    def __init__(self, store: str) -> None:
        self._executor = ThreadPoolExecutor(PARALLEL_CALLS, thread_name_prefix=store)
        self._abandoned: set[Future[Any]] = set()

    async def call(self, function: Callable[..., T], *arguments: object) -> T:
        """Run one call in a thread and return its result."""
        await self._abandoned_ended()
        return await self._run(partial(function, *arguments))

    async def each(self, call: Callable[[A], T], arguments: Sequence[A]) -> list[T]:
        """Run one call per argument in parallel; results and errors as for `in_parallel`."""
        await self._abandoned_ended()
        return await _all(lambda argument: self._run(partial(call, argument)), arguments)

    def close(self) -> None:
        """Start no further calls; running calls end by themselves."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self, call: Callable[[], T]) -> T:
        running = self._executor.submit(call)
        try:
            return await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            if not running.done():  # the call has already started
                self._abandoned.add(running)
            raise

    async def _abandoned_ended(self) -> None:
        while self._abandoned:
            self._abandoned = {running for running in self._abandoned if not running.done()}
            if self._abandoned:
                await asyncio.sleep(_LOOK_S)


async def in_parallel(call: Callable[[A], T], arguments: Sequence[A]) -> list[T]:
    """Run one call per argument in asyncio's default threads; results are in the order of the arguments.

    Args:
        call: the blocking function.
        arguments: one argument per call.

    Raises:
        Exception: the first error of a call. Calls that have not started are dropped. Running calls are awaited,
            because a thread cannot be stopped and must not write during the caller's next attempt.
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
