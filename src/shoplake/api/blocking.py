"""Runs blocking work of requests in a few threads, so that it holds up no other request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from shoplake.errors import TooManyRequests

T = TypeVar("T")

THREADS = 2
QUEUED_AT_MOST = 16


class BlockingWork:
    """Some threads, and a bounded queue before them. A thread cannot be stopped, so the work limits its own time."""

    def __init__(self, name: str, threads: int = THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=f"api-{name}")
        self._name = name
        self._taken = 0
        self._limit = threads + QUEUED_AT_MOST

    async def run(self, work: Callable[[], T]) -> T:
        """Run work in a thread.

        Raises:
            TooManyRequests: the queue is full.
        """
        if self._taken >= self._limit:
            raise TooManyRequests(f"too many requests wait for {self._name}", fix="ask again", retry_after_s=5)
        self._taken += 1
        running = asyncio.get_running_loop().run_in_executor(self._threads, work)
        running.add_done_callback(self._ended)  # not in `finally`: after a cancellation the thread still works
        return await running

    def close(self) -> None:
        """Start no further work."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ended(self, _: object) -> None:
        self._taken -= 1
