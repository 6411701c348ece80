"""Blocking client libraries, called from threads: a bounded number at once, and errors as if called one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

A = TypeVar("A")
T = TypeVar("T")

PARALLEL_CALLS = 8


async def in_parallel(call: Callable[[A], T], arguments: Sequence[A]) -> list[T]:
    """Results of the calls, in order of the arguments.

    Raises:
        Exception: what the first failing call raised; calls that have not begun are not made, and those that have
            are waited for: a thread cannot be stopped, and must not write beside the caller's next try.
    """
    slots = asyncio.Semaphore(PARALLEL_CALLS)
    failures: list[Exception] = []

    async def one(argument: A) -> list[T]:
        async with slots:
            if failures:
                return []
            try:
                return [await asyncio.to_thread(call, argument)]
            except Exception as error:
                failures.append(error)
                return []

    results = await asyncio.gather(*map(one, arguments))
    if failures:
        raise failures[0]
    return [result for found in results for result in found]
