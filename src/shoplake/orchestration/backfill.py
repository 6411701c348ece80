"""Runs a workflow once for each day of a range. Days with a run that has succeeded are left out, so it can be repeated.

Each run is a process of its own, as `workflow run` is: one that is killed does not affect the others.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from threading import Event, Lock
from typing import TYPE_CHECKING

from shoplake import environ
from shoplake.errors import Interrupted, UsageError, WorkflowFailed
from shoplake.orchestration import config, locks, runs

if TYPE_CHECKING:
    from shoplake.orchestration.registry import Workflow
    from shoplake.orchestration.workflow import Value

MOST_DAYS = 3_660
MOST_AT_ONCE = 8
AT_ONCE = 2
NAMED = 5
"""Days that the error names."""


@dataclass(frozen=True, slots=True)
class Backfill:
    """Result of a backfill: each day is in one of these.

    Attributes:
        succeeded: days whose run succeeded now.
        skipped: days with an earlier run that has succeeded with the same parameters.
    """

    succeeded: Sequence[str]
    skipped: Sequence[str]


def days_between(first: str, last: str, today: dt.date) -> list[str]:
    """The days of a range, both ends included.

    Raises:
        UsageError: an end is no date, the range is empty or too long, or it has a day that has not ended.
    """
    start, end = _day("--from", first), _day("--to", last)
    if start > end:
        raise UsageError(f"--from {start} is after --to {end}", fix="exchange them")
    if end >= today:
        raise UsageError(
            f"--to {end}: expected a day that has ended, at the latest {today - dt.timedelta(days=1)} (UTC)",
            fix="a run for a day that has not ended would count as done; choose an earlier day",
        )
    number = (end - start).days + 1
    if number > MOST_DAYS:
        raise UsageError(f"expected at most {MOST_DAYS:,} days, found {number:,}", fix="split the range")
    return [(start + dt.timedelta(days=one)).isoformat() for one in range(number)]


def parameters_by_day(workflow: Workflow, days: Sequence[str], given: Mapping[str, str]) -> dict[str, dict[str, Value]]:
    """The parameters of the run of each day.

    Raises:
        UsageError: the workflow has no partition, a parameter is not valid, or the day itself is given.
    """
    name = workflow.config.partition
    if name is None:
        raise UsageError(
            f"workflow {workflow.name} has no `partition` in its config.yaml, so it has no run for each day",
            fix="`partition: NAME` names a parameter of type date; docs/workflows.md#backfill has an example",
        )
    if name in given:
        raise UsageError(f"--config {name}: a backfill sets it for each day", fix="use --from and --to")
    return {day: config.values(workflow.name, workflow.config.parameters, {**given, name: day}) for day in days}


def run(
    workflow: Workflow,
    environment: str,
    wanted: Mapping[str, Mapping[str, Value]],
    *,
    repeat: bool,
    at_once: int,
    say: Callable[[str], None],
) -> Backfill:
    """Run a workflow for each day, oldest first.

    Args:
        workflow: one with a partition.
        environment: name of the environment.
        wanted: day -> the parameters of its run.
        repeat: also run days with a run that has succeeded.
        at_once: number of runs at once.
        say: told of the end of each run.

    Raises:
        WorkflowFailed: runs of some days failed. The others have run.
        WorkflowRunning: another backfill of the workflow is in progress.
        Interrupted: Ctrl-C. The runs in progress were stopped.
        MissingExtra, StackNotRunning, InfraError, StoreUnavailable: nothing was started.
    """
    with locks.held(environment, f"{workflow.name}.backfill"):
        done = set() if repeat else runs.succeeded(environment, workflow, wanted)
        open_days = {day: parameters for day, parameters in wanted.items() if day not in done}
        if done:
            say(f"{len(done)} of {len(wanted)} days have a run that succeeded; they are left out")
        errors = _Processes(workflow.name, environment).run(open_days, at_once, say)
    if errors:
        named = "; ".join(f"{day}: {errors[day]}" for day in sorted(errors)[:NAMED])
        more = f"; and {len(errors) - NAMED} more" if len(errors) > NAMED else ""
        raise WorkflowFailed(
            f"{len(errors)} of {len(open_days)} days failed: {named}{more}",
            fix="correct the cause, then repeat the command: it runs only the days that did not succeed",
        )
    return Backfill(tuple(open_days), tuple(sorted(done)))


class _Processes:
    """The processes of a backfill."""

    def __init__(self, workflow: str, environment: str) -> None:
        self._workflow = workflow
        self._environment = environment
        self._stopped = Event()
        self._lock = Lock()
        self._running: set[subprocess.Popen[str]] = set()

    def run(
        self, wanted: Mapping[str, Mapping[str, Value]], at_once: int, say: Callable[[str], None]
    ) -> dict[str, str]:
        """Run all days; returns the errors of those that failed."""
        errors: dict[str, str] = {}
        with ThreadPoolExecutor(at_once, thread_name_prefix="backfill") as pool:
            try:
                started = {pool.submit(self._one, parameters): day for day, parameters in wanted.items()}
                for future in as_completed(started):
                    day, error = started[future], future.result()
                    say(f"{day}: {f'failed: {error}' if error else 'success'}")
                    if error:
                        errors[day] = error
            except KeyboardInterrupt:
                self._interrupt()
                raise Interrupted(
                    "the backfill was stopped", fix="repeat the command: it runs only the days that did not succeed"
                ) from None
        return errors

    def _one(self, parameters: Mapping[str, Value]) -> str:
        """Run one day; returns its error, or nothing."""
        given = [part for name, value in parameters.items() for part in ("--config", f"{name}={_text(value)}")]
        options = ["--environment", self._environment, "--json"]
        command = [sys.executable, "-I", "-X", "utf8", "-m", "shoplake.cli.main", "workflow", "run", self._workflow]
        with self._lock:
            if self._stopped.is_set():
                return "not started"
            process = subprocess.Popen(
                [*command, *given, *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=environ.caller(),
                text=True,
                encoding="utf-8",
                errors="replace",
            )
            self._running.add(process)
        _, err = process.communicate()
        with self._lock:
            self._running.discard(process)
        return "" if process.returncode == 0 else _message(err, process.returncode)

    def _interrupt(self) -> None:
        self._stopped.set()
        with self._lock:
            for process in self._running:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGINT)


def _day(option: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{option}: expected a day such as 2026-08-01, found '{text}'") from error


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _message(output: str, code: int) -> str:
    """The error line of a command that failed."""
    if code < 0:
        return "the process was killed"
    lines = output.splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("error ")), f"exit code {code}")
