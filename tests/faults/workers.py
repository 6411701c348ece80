"""A sink as the supervisor starts it: a process of its own, its reports read as they come, signals sent by hand."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from shoplake.stack.process import tail
from shoplake.streaming import supervisor, worker_environment
from shoplake.streaming.worker import Failure
from shoplake.streaming.worker_reports import Progress

WORKER = ("-m", "shoplake.streaming.worker")
# Long: how fast anything is depends on what else the machine does, and nothing here is about speed.
WAIT_S = 300.0
# What a worker is told to hold back, so that a fault meets many batches half done.
SMALL_BATCH = 500


class Ended(AssertionError):
    """The process ended while something was expected of it."""


@dataclass
class Worker:
    """One process.

    Attributes:
        applied: events that this process has read and brought into the store.
        state: as it last said.
        failure: what it said before it gave up.
        fed: events keep coming in, so that it goes on after it has caught up.
    """

    name: str
    process: asyncio.subprocess.Process
    errors: Path
    started_at: float = field(default_factory=time.monotonic)
    applied: int = 0
    state: str = ""
    failure: str = ""
    fed: bool = False
    first_applied_at: float | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _reader: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    @property
    def idle(self) -> bool:
        """Whether it has nothing left to do, and never will."""
        return self.state == "caught up" and not self.fed

    def send(self, number: signal.Signals) -> None:
        supervisor.send(self.process, number)

    async def kill(self) -> None:
        """`kill -9`, and see that nothing else ended it."""
        self.send(signal.SIGKILL)
        code = await self.ended()
        assert code == -signal.SIGKILL, f"{self} ended with {code} before it could be killed"

    async def until(self, condition: Callable[[Worker], bool], wanted: str, wait_s: float = WAIT_S) -> None:
        """Wait for a report of which the condition holds.

        Raises:
            Ended: the process ended first.
            AssertionError: it did not come.
        """
        deadline = time.monotonic() + wait_s
        while not condition(self):
            assert self._reader is not None
            if self._reader.done() and not condition(self):
                raise Ended(f"{self} ended before {wanted}")
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), 1)
            assert time.monotonic() < deadline, f"{self}: waited {wait_s:.0f} s for {wanted}"

    async def applied_at_least(self, events: int, wait_s: float = WAIT_S) -> None:
        wanted = f"it applied {events} events"
        await self.until(lambda worker: worker.applied >= events or worker.idle, wanted, wait_s)
        assert self.applied >= events, f"{self} had nothing left to do before {wanted}"

    async def caught_up(self, wait_s: float = WAIT_S) -> None:
        await self.until(lambda worker: worker.state == "caught up", "it caught up", wait_s)

    async def stopped(self, wait_s: float = WAIT_S) -> None:
        """Wait until it is frozen: a failpoint with `stop` does that."""
        deadline = time.monotonic() + wait_s
        while _state(self.process.pid) != "T":
            assert self.running, f"{self} ended before it was frozen"
            assert time.monotonic() < deadline, f"{self}: waited {wait_s:.0f} s for it to freeze"
            await asyncio.sleep(0.02)

    async def ended(self, wait_s: float = WAIT_S) -> int:
        """Its exit code."""
        try:
            code = await asyncio.wait_for(self.process.wait(), wait_s)
        except TimeoutError:
            raise AssertionError(f"{self}: waited {wait_s:.0f} s for its end") from None
        assert self._reader is not None
        await self._reader
        return code

    def follow(self) -> None:
        """Begin to read its reports."""
        self._reader = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            with contextlib.suppress(msgspec.DecodeError):  # a library that prints
                self._note(msgspec.json.decode(line, type=Failure | Progress))
            self._changed.set()
        await self.process.wait()
        self._changed.set()

    def _note(self, report: Failure | Progress) -> None:
        if isinstance(report, Failure):
            self.failure = report.error
            return
        self.applied, self.state = report.applied, report.state
        if report.applied and self.first_applied_at is None:
            self.first_applied_at = time.monotonic()

    def __str__(self) -> str:
        said = f"; it said: {self.failure}" if self.failure else ""
        log = tail(self.errors, 5)
        return f"{self.name} (pid {self.process.pid}, applied {self.applied}, {self.state or 'silent'}{said}; {log})"


async def start(
    sink: str,
    environment: Mapping[str, str],
    folder: Path,
    *,
    batch: int | None = SMALL_BATCH,
    until_caught_up: bool = False,
    wrapper: Sequence[str] = WORKER,
) -> Worker:
    """A new worker.

    Args:
        sink: which store; or `dead-letters`.
        environment: on top of ours: which stores, which failpoint, which proxy.
        folder: for what it writes to standard error.
        batch: events per batch; None for the sink's own number.
        until_caught_up: end when everything is in the store.
        wrapper: another program in the worker's place, which takes the same arguments.
    """
    errors = folder / f"{time.time_ns()}-{sink}.err"
    options = ["--report-every-s", "0"]
    options += ["--max-records", str(batch)] if batch is not None else []
    options += ["--until-caught-up"] if until_caught_up else []
    with errors.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *wrapper, sink, *options),
            # Its standard input stays open: a worker takes the end of it for the end of its parent.
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env={**worker_environment.environment(), **environment},
            start_new_session=True,
        )
    worker = Worker(sink, process, errors)
    worker.follow()
    return worker


@contextlib.asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[Worker]:
    """The worker, which is gone afterwards whatever happened."""
    try:
        yield worker
    finally:
        if worker.running:
            worker.send(signal.SIGKILL)
            worker.send(signal.SIGCONT)
            await worker.ended()


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
