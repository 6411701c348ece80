"""Run sinks in the background during a measurement, one process each, like `shoplake stream`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from shoplake.errors import Interrupted
from shoplake.streaming.supervisor import WorkerView, stream

READY_S = 120


class Running:
    """The sinks as they last reported, twice a second. Mutable."""

    def __init__(self, names: Sequence[str]) -> None:
        self._views: Sequence[WorkerView] = ()
        self._moved = asyncio.Event()
        self._streaming = asyncio.create_task(stream(names, beside=(), watch=self._note))
        self._streaming.add_done_callback(lambda _: self._moved.set())

    @property
    def pids(self) -> list[int]:
        """Their processes."""
        return [view.pid for view in self._views if view.pid is not None]

    async def ready(self) -> None:
        """Wait until each has taken over its partitions and found nothing to do.

        Raises:
            WorkersFailed: one of them could not go on.
            TimeoutError: one of them did not come so far.
        """
        await self._until(READY_S, lambda: all(view.progress.state == "caught up" for view in self._views))

    async def applied(self, wanted: Mapping[str, int], timeout_s: float) -> None:
        """Wait until each sink has applied so many events.

        Raises:
            WorkersFailed, TimeoutError: as above.
        """
        await self._until(timeout_s, lambda: all(v.progress.applied >= wanted[v.name] for v in self._views))

    async def stop(self) -> None:
        """Stop each after its batch in hand."""
        if not self._streaming.done():
            os.kill(os.getpid(), signal.SIGTERM)  # which `stream` takes for as long as it runs
        await self._streaming

    async def _until(self, timeout_s: float, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(timeout_s):
            while not self._views or not holds():
                self._moved.clear()
                if self._streaming.done():
                    await self._streaming
                    raise Interrupted("the sinks were stopped")
                await self._moved.wait()

    def _note(self, views: Sequence[WorkerView]) -> None:
        self._views = list(views)
        self._moved.set()


@contextlib.asynccontextmanager
async def running(names: Sequence[str]) -> AsyncIterator[Running]:
    """These sinks, ready; stopped at the end."""
    found = Running(names)
    try:
        await found.ready()
        yield found
    finally:
        await found.stop()
