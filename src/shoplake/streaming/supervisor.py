"""Run the worker processes of the sinks: report their progress, restart killed ones, and stop all together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from shoplake import run_log
from shoplake.errors import Interrupted, ShoplakeError
from shoplake.positions import Positions
from shoplake.run_log import RunResult
from shoplake.streaming import worker_environment
from shoplake.streaming.rate import Rate
from shoplake.streaming.worker import DEAD_LETTERS, Failure
from shoplake.streaming.worker_reports import Progress
from shoplake.terminal import to_stderr

# A killed worker continues from its store's checkpoint. If it is killed again and again, a restart does not help.
RESTARTS = 5
# A worker ends by itself within 8 s.
STOP_WAIT_S = 9.0
TICK_S = 0.5
JOBS = {DEAD_LETTERS: "dead-letter-router"}
"""Names in the run log of workers that are not sinks."""


@dataclass(frozen=True, slots=True)
class WorkerView:
    """The state of one worker.

    Attributes:
        name: name of its sink.
        progress: its last report; the counts include those from before restarts.
        pid: process id; None before the first start and after the end.
        rate: records per second, over the last ten seconds.
        restarts: number of restarts after it was killed.
        number: number of the worker among those of its sink on this machine, from 1.
    """

    name: str
    progress: Progress
    pid: int | None = None
    rate: float = 0.0
    restarts: int = 0
    number: int = 1

    def __str__(self) -> str:
        return self.name if self.number == 1 else f"{self.name} {self.number}"


Watch = Callable[[Sequence[WorkerView]], None]
Tell = Callable[[str], None]


class WorkersFailed(ShoplakeError):
    """At least one worker failed; the others continued to their end."""

    code = "SL0602"
    advice = "Fix the problem of each worker, then run `shoplake stream` again: nothing is lost or repeated."


async def stream(
    names: Sequence[str],
    *,
    beside: Sequence[str] = (DEAD_LETTERS,),
    workers: int = 1,
    environment: str = "local",
    until_caught_up: bool = False,
    watch: Watch | None = None,
    tell: Tell = to_stderr,
) -> Sequence[WorkerView]:
    """Run the workers until they end, or until SIGINT or SIGTERM ends them.

    Args:
        names: names of the sinks.
        beside: workers that are not sinks: the dead-letter step. If several run, also on other machines, one is active.
        workers: number of workers per sink. They share its partitions with workers on other machines.
        environment: the environment whose settings are read.
        until_caught_up: end when all committed events are in the stores.
        watch: called twice a second with the state of each worker.
        tell: called with a message for each worker that was killed and is restarted.

    Raises:
        WorkersFailed: with the message of each failed worker.
        Interrupted: a signal stopped the workers before all had caught up.
    """
    command = [sys.executable, "-m", "shoplake.streaming.worker", "--environment", environment]
    if until_caught_up:
        command.append("--until-caught-up")
    wanted = [(name, number) for name in names for number in range(1, workers + 1)] + [(name, 1) for name in beside]
    stopping = asyncio.Event()
    running = [_Worker([*command, name], WorkerView(name, Progress(), number=n), stopping, tell) for name, n in wanted]
    jobs = {name: f"sink-{name}" for name in names} | {name: JOBS.get(name, name) for name in beside}
    with run_log.recording(*jobs.values(), environment=environment) as results:
        try:
            await _run_all(running, stopping, watch)
        finally:
            for name, job in jobs.items():
                _note(results[job], [worker for worker in running if worker.view.name == name])
        if failures := {str(worker.view): worker.failure for worker in running if worker.failure}:
            raise WorkersFailed("\n".join(f"{name}: {text}" for name, text in failures.items()))
        if until_caught_up and stopping.is_set():
            raise Interrupted("interrupted before all sinks caught up", fix="run the same command again to continue")
    return [worker.seen() for worker in running]


async def _run_all(running: Sequence[_Worker], stopping: asyncio.Event, watch: Watch | None) -> None:
    """Run the workers until all have ended. SIGINT and SIGTERM stop them."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        async with asyncio.TaskGroup() as group:
            ticker = group.create_task(_tick(running, watch))
            await _all_ended([group.create_task(worker.run()) for worker in running])
            ticker.cancel()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    if watch is not None:
        watch([worker.seen() for worker in running])


def _note(result: RunResult, workers: Sequence[_Worker]) -> None:
    """Fill the result of a sink's run from the last reports of its workers."""
    reports = [worker.view.progress for worker in workers]
    result.counts = {
        "events": sum(report.applied for report in reports),
        "lag": sum(report.lag for report in reports),
        "restarts": sum(worker.view.restarts for worker in workers),
    }
    if parts := [Positions.parse(report.positions) for report in reports if report.positions]:
        result.positions = Positions.joined(parts).as_json()
    result.error = "; ".join(worker.failure for worker in workers if worker.failure)


class _Worker:
    def __init__(self, command: Sequence[str], view: WorkerView, stopping: asyncio.Event, tell: Tell) -> None:
        self._command = command
        self._tell = tell
        self._stopping = stopping
        self._rate = Rate(time.monotonic())
        self.view = view
        self.failure = ""

    def seen(self) -> WorkerView:
        """The state of the worker, with its current rate."""
        return replace(self.view, rate=self._rate.per_s(time.monotonic()))

    async def run(self) -> None:
        for attempt in range(RESTARTS + 1):
            code = await self._run_once()
            if code >= 0 or self._stopping.is_set():
                if code > 0 and not self.failure:
                    self.failure = f"ended with exit code {code}"
                return
            if attempt == RESTARTS:
                break
            self.view = replace(self.view, restarts=attempt + 1)
            self._tell(f"{self.view} worker died (signal {-code}), restarting: {attempt + 1} of at most {RESTARTS}")
        self.failure = f"was killed {RESTARTS + 1} times; last by signal {-code}"

    async def _run_once(self) -> int:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=worker_environment.environment(),
            start_new_session=True,  # Ctrl-C reaches only this process, which sends SIGTERM to the worker
        )
        self.view = replace(self.view, pid=process.pid)
        stopper = asyncio.create_task(self._stop(process))
        try:
            await self._follow(process)
            return await process.wait()
        finally:
            stopper.cancel()
            send(process, signal.SIGKILL)
            self.view = replace(self.view, pid=None)

    async def _follow(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101 - asked for above
        before = self.view.progress
        async for line in process.stdout:
            try:
                report = msgspec.json.decode(line, type=Failure | Progress)
            except msgspec.DecodeError:
                sys.stderr.write(line.decode(errors="replace"))  # a library that prints
                continue
            if isinstance(report, Failure):
                self.failure = report.error
                continue
            applied = before.applied + report.applied
            self._rate.add(time.monotonic(), applied)
            self.view = replace(
                self.view,
                progress=msgspec.structs.replace(
                    report,
                    applied=applied,
                    batches=before.batches + report.batches,
                    retries=before.retries + report.retries,
                ),
            )

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        await self._stopping.wait()
        send(process, signal.SIGTERM)
        await asyncio.sleep(STOP_WAIT_S)
        send(process, signal.SIGKILL)


def send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal to a process, if it is still running.

    `Process.send_signal` first polls the process, which takes the exit code away from the event loop's own wait: a
    process that ends at that moment is reported with exit code 255 (python/cpython#87744, before Python 3.13).
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


async def _all_ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.gather(*tasks)


async def _tick(workers: Sequence[_Worker], watch: Watch | None) -> None:
    while watch is not None:
        watch([worker.seen() for worker in workers])
        await asyncio.sleep(TICK_S)
