"""One sink's loop: read, fold, apply, again. Decides when to retry, when to take over and when to stop."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import msgspec

from shoplake.errors import Backpressure, Fenced, StoreUnavailable
from shoplake.sinks.base import OffsetRange
from shoplake.streaming.reader import LogReader, Raw, to_batch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shoplake.sinks.base import Epoch, Sink, TopicPartition

# A store may be away for about three minutes before the sink gives up; its checkpoint stays where it is.
RETRIES = 12
LONGEST_PAUSE_S = 20.0
# Whoever fenced us is in the same consumer group, which tells us within its session time-out.
REBALANCE_WAIT_S = 30.0
REPORT_EVERY_S = 0.5


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """What a sink says of itself.

    Attributes:
        applied: events read and in the store, since this process started.
        lag: offsets between the store and the end of the log, at the last look.
        state: `joining`, `streaming`, `waiting` (the store is away) or `caught up`.
    """

    applied: int
    lag: int
    state: str


Report = Callable[[Progress], None]
T = TypeVar("T")


class SinkLoop:
    """Carries events from the log into one store."""

    def __init__(
        self, sink: Sink, reader: LogReader, report: Report, *, report_every_s: float = REPORT_EVERY_S
    ) -> None:
        self._sink = sink
        self._reader = reader
        self._report = report
        self._report_every_s = report_every_s
        self._owner: Mapping[TopicPartition, Epoch] = {}
        self._generation = 0
        self._applied = 0
        self._lag = 0
        self._reported_at = 0.0

    async def run(self, *, until_caught_up: bool, stopping: asyncio.Event) -> None:
        """Stream until told to stop, or until everything committed at the last look is in the store.

        Raises:
            StreamHalted: going on would lose or repeat events.
            StoreUnavailable: the store stayed away through all retries.
        """
        self._say("joining")
        try:
            await self._persistently(self._sink.prepare, stopping)
            await self._reader.start()
            while not stopping.is_set():
                caught_up = await self._step(stopping)
                if caught_up and until_caught_up:
                    break
        except _StoppedError:
            pass
        finally:
            await self._reader.stop()
            await self._sink.close()

    async def _step(self, stopping: asyncio.Event) -> bool:
        """Read and apply one batch; True when nothing committed is left to read."""
        if self._generation != self._reader.generation:
            await self._take_over(stopping)
        if not self._owner:
            await asyncio.sleep(0.05)  # the group is still sharing out the partitions
            return False
        async with self._reader.busy:
            if self._generation != self._reader.generation:
                return False
            raw = await self._reader.read()
            try:
                await self._apply(raw, stopping)
            except Fenced as fenced:
                self._owner = {}
                reason = fenced
        if not self._owner:
            await self._await_rebalance(reason, stopping)
            return False
        return await self._look(raw)

    async def _take_over(self, stopping: asyncio.Event) -> None:
        self._owner = {}
        self._generation = self._reader.generation
        mine = self._reader.assignment()
        checkpoints = await self._persistently(lambda: self._sink.open(mine), stopping)
        async with self._reader.busy:
            if self._generation == self._reader.generation:
                await self._reader.seek(checkpoints)
                await self._reader.note_offsets(
                    {p: OffsetRange(c.next_offset, c.next_offset) for p, c in checkpoints.items()}
                )
                self._owner = {partition: checkpoint.epoch for partition, checkpoint in checkpoints.items()}

    async def _apply(self, raw: Raw, stopping: asyncio.Event) -> None:
        if not raw.ranges:
            return  # a range without records is applied too: what follows a transaction's marker must follow on
        batch = to_batch(raw)
        await self._persistently(lambda: self._sink.apply(batch, self._owner), stopping)
        self._applied += len(raw)
        await self._reader.note_offsets(raw.ranges)

    async def _persistently(self, call: Callable[[], Awaitable[T]], stopping: asyncio.Event) -> T:
        """Call until the store answers: safe for all that a sink offers, since it reads back what it may have done."""
        for attempt in range(RETRIES):
            try:
                return await call()
            except Backpressure as asked:
                pause_s = asked.retry_after_s
            except StoreUnavailable:
                if attempt == RETRIES - 1:
                    raise
                pause_s = min(LONGEST_PAUSE_S, 0.2 * 2**attempt)
            self._say("waiting")
            await _wait(stopping, pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            if stopping.is_set():
                raise _StoppedError
        raise StoreUnavailable(f"{self._sink.name}: asked to wait {RETRIES} times in a row")

    async def _await_rebalance(self, reason: Fenced, stopping: asyncio.Event) -> None:
        """A newer owner has our partitions; the group will say so. To open them again ourselves would be a fight."""
        deadline = time.monotonic() + REBALANCE_WAIT_S
        while self._generation == self._reader.generation and not stopping.is_set():
            if time.monotonic() > deadline:
                raise reason
            await asyncio.sleep(0.1)

    async def _look(self, raw: Raw) -> bool:
        """Compare with the end of the log when the last read was short, or a report is due."""
        if len(raw) and time.monotonic() - self._reported_at < self._report_every_s:
            return False
        self._lag = await self._reader.lag()
        self._say("caught up" if self._lag == 0 else "streaming")
        return self._lag == 0 and self._reader.placed

    def _say(self, state: str) -> None:
        self._reported_at = time.monotonic()
        self._report(Progress(self._applied, self._lag, state))


class _StoppedError(Exception):
    """Told to stop while waiting for a store."""


async def _wait(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
