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
        Exception: what the first failing call raised; calls that have not begun are not made.
    """
    slots = asyncio.Semaphore(PARALLEL_CALLS)

    async def one(argument: A) -> T:
        async with slots:
            return await asyncio.to_thread(call, argument)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(argument)) for argument in arguments]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    return [task.result() for task in tasks]
