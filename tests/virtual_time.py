"""An event loop whose clock jumps to the next timer instead of waiting for it: minutes of waiting take no time."""

from __future__ import annotations

import asyncio
import functools
import selectors
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec, TypeVar
from unittest import mock

P = ParamSpec("P")
T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    """Says that nothing happened, after as much virtual time as was to be waited."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("all wait for something that never comes")
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine; `time.monotonic` tells the virtual time meanwhile."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        clock = runner.get_loop().time
        with mock.patch.object(time, "monotonic", clock):
            return runner.run(work)


def virtually(test: Callable[P, Awaitable[T]]) -> Callable[P, T]:
    """Makes a test of a coroutine that is run in virtual time."""

    @functools.wraps(test)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        async def work() -> T:
            return await test(*args, **kwargs)

        return run(work())

    return wrapper
