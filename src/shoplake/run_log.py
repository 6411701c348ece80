"""The run log: which job ran when, on what environment, with what result. A file of JSON lines in the stack's home.

A run has a record at its start and one at its end. A run without an end still runs, or was killed. The lineage of the
platform is made from it (`shoplake.lineage`).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from shoplake import paths, private_files
from shoplake.errors import Interrupted, ShoplakeError
from shoplake.proc_stat import start_time

State: TypeAlias = Literal["START", "COMPLETE", "ABORT", "FAIL"]
"""In the words of OpenLineage. ABORT: stopped by a person or a signal before the end."""

WORKFLOW = "workflow-"
"""Begin of the name of a job that is a workflow."""

KEEP_BYTES = 8 * 1024 * 1024
"""A longer file becomes `runs.jsonl.1`, and the one before that is deleted."""


class CheckOutcome(msgspec.Struct, frozen=True):
    """Outcome of one check in a run of `quality`. A check that could not be evaluated has none."""

    dataset: str
    check: str
    kind: str
    severity: str
    passed: bool


class RunRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the run log.

    Attributes:
        job: name of the job: `generate`, `sink-postgres`, `warehouse` and so on.
        run: id of the run, a UUID.
        time_ms: milliseconds since 1970.
        pid: of the process that runs it, with its start time in kernel ticks.
        counts: numbers of the run, such as `events` and `lag`. In the record of the end.
        positions: how far it has read the log, as by `Positions.as_json`. In the record of the end.
        error: first line of the message of the error that ended the run.
        checks: what a run of `quality` found. In the record of the end.
    """

    state: State
    job: str
    run: str
    time_ms: int
    environment: str
    pid: int
    started: int
    counts: dict[str, int] = {}
    positions: str = ""
    error: str = ""
    checks: tuple[CheckOutcome, ...] = ()


class RunResult:
    """Result of a run; set while it runs, written at its end.

    Attributes:
        error: message of the error that ended this run, where another run of the same block did not fail.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.positions = ""
        self.error = ""
        self.checks: tuple[CheckOutcome, ...] = ()


Listener: TypeAlias = Callable[[Sequence[RunRecord]], None]

listeners: list[Listener] = []
"""Called in this process with each new record, after it was written."""


def file() -> Path:
    """Path of the run log of this stack."""
    return paths.home() / "logs" / "runs.jsonl"


@contextlib.contextmanager
def recording(*jobs: str, environment: str) -> Iterator[Mapping[str, RunResult]]:
    """Record a run of each job from the start to the end of the block.

    Args:
        jobs: names of the jobs that run together, such as the sinks of one `stream`.
        environment: the environment that they work on.

    Yields:
        job -> the result, for the block to fill.
    """
    results = {job: RunResult() for job in jobs}
    runs = {job: str(uuid.uuid4()) for job in jobs}
    started = start_time(os.getpid()) or 0

    def write(state: State, error: str = "") -> None:
        now_ms = time.time_ns() // 1_000_000
        own_errors = any(result.error for result in results.values())
        new = [
            RunRecord(
                state="COMPLETE" if own_errors and not result.error else state,
                job=job,
                run=runs[job],
                time_ms=now_ms,
                environment=environment,
                pid=os.getpid(),
                started=started,
                counts=result.counts,
                positions=result.positions,
                checks=result.checks,
                error=(result.error if own_errors else error).partition("\n")[0],
            )
            for job, result in results.items()
        ]
        _append(new)
        for listener in listeners:
            listener(new)

    write("START")
    try:
        yield results
    except (KeyboardInterrupt, asyncio.CancelledError, Interrupted):
        write("ABORT")
        raise
    except Exception as error:
        text = error.message if isinstance(error, ShoplakeError) else str(error) or type(error).__name__
        write("FAIL", text)
        raise
    write("COMPLETE")


def records(path: Path | None = None) -> list[RunRecord]:
    """The records of this stack, oldest first. A line that was cut off by a crash is left out."""
    path = file() if path is None else path
    return [record for part in (_older(path), path) for record in _decoded(_lines(part))]


def newest(jobs: Collection[str], environment: str, *, ended: bool = False) -> RunRecord | None:
    """The newest record of some jobs; None if there is none. It decodes no lines of other jobs: servers ask often.

    Args:
        jobs: names of jobs.
        environment: the environment that they worked on.
        ended: leave out records of the start of a run.
    """
    marks = [f'"{job}"'.encode() for job in jobs]
    for part in (file(), _older(file())):
        lines = (line for line in reversed(_lines(part)) if any(mark in line for mark in marks))
        for record in _decoded(lines):
            if record.job in jobs and record.environment == environment and not (ended and record.state == "START"):
                return record
    return None


def _lines(path: Path) -> list[bytes]:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return path.read_bytes().splitlines()
    return []


def _decoded(lines: Iterable[bytes]) -> Iterator[RunRecord]:
    for line in lines:
        with contextlib.suppress(msgspec.MsgspecError):
            yield msgspec.json.decode(line, type=RunRecord)


def _append(lines: Sequence[RunRecord]) -> None:
    """Append in one write, under a lock: commands of one stack may run side by side."""
    path = file()
    try:
        private_files.folder(path.parent)
        with open(path.with_suffix(".lock"), "wb", opener=private_files.opener) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists() and path.stat().st_size > KEEP_BYTES:
                path.replace(_older(path))
            with open(path, "ab", opener=private_files.opener) as log:
                log.write(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    except OSError:
        return  # a full disk or a read-only home must not stop the job itself


def _older(path: Path) -> Path:
    return path.with_suffix(".jsonl.1")
