"""Runs of workflows: start one in this process, look at them, stop them. The records are Dagster's, in Postgres."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import signal
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoplake import environments
from shoplake.errors import Interrupted, UnknownName, UsageError, WorkflowFailed
from shoplake.orchestration import config, instance, locks, registry, webhook
from shoplake.proc_stat import start_time
from shoplake.terminal import to_stderr

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun, RunRecord

    from shoplake.orchestration.registry import Workflow

TAG = "shoplake/"
PARTITION_TAG = f"{TAG}partition"
"""Tag with the day of a run: the parameter's name, =, the day."""

INTERRUPTED = "Execution was interrupted"
"""How Dagster's message of a run begins that Ctrl-C or a signal has ended."""

KILLED = "the process was killed"
"""Error of a run whose process has ended without a record of it."""

_MARKED = "This run has been marked as failed from outside"
"""How Dagster's message of such a run begins, if its code server has started the process and noticed its end."""

_OWN_ERROR = re.compile(r"^shoplake\.errors\.\w+: ")
LOOKED_AT = 1_000
"""Runs among which a shortened id is looked for."""


@dataclass(frozen=True, slots=True)
class StepRun:
    """A step of a run.

    Attributes:
        state: success, failure, skipped or in_progress.
        attempts: how often it was started.
        error: of its last attempt, if that failed.
    """

    name: str
    state: str
    seconds: float | None
    attempts: int
    result: Mapping[str, Any]
    error: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a workflow.

    Attributes:
        state: queued, started, success, failure or canceled, as Dagster names them.
        seconds: how long it took; None while it runs.
        error: why it failed.
        resumed: id of the run that it continues.
    """

    run: str
    workflow: str
    environment: str
    state: str
    started_at: dt.datetime
    seconds: float | None
    parameters: Mapping[str, Any]
    error: str = ""
    resumed: str = ""
    steps: tuple[StepRun, ...] = ()

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C or `workflow cancel` has ended it."""
        return self.state == "canceled" or self.error.startswith(INTERRUPTED)


def start(workflow: Workflow, environment: str, given: Mapping[str, str], *, resume: str = "") -> Run:
    """Run a workflow in this process, through Dagster.

    Args:
        workflow: what to run.
        environment: name of the environment.
        given: parameter -> text, as on the command line.
        resume: id of a run that failed; the steps that have succeeded in it are not repeated, and its parameters hold
            where none is given.

    Returns:
        The run, which has succeeded.

    Raises:
        WorkflowRunning: another run of it has not ended; it is named.
        WorkflowFailed: a step failed, also in its last attempt.
        Interrupted: Ctrl-C.
        MissingExtra, StackNotRunning, InfraError, StoreUnavailable: nothing was started.
    """
    webhook.address()
    if not resume:
        config.values(workflow.name, workflow.config.parameters, given)  # an error here needs no server
    with _records(environment) as records:
        resumed = _resumable(records, workflow, resume) if resume else None
        before = _parameters(resumed) if resumed else {}
        parameters = config.values(workflow.name, workflow.config.parameters, given, before)

        def other() -> str:
            run = _in_progress(records, workflow, parameters)
            return f"run {run.run_id}" if run else ""

        with locks.held(environment, locks.name_of(workflow, parameters), other):
            found = _executed(records, workflow, environment, parameters, resumed.run_id if resumed else "")
        report_failures(records, environment)
    if found.state == "success":
        return found
    if found.interrupted:
        raise Interrupted(f"run {found.run} of {workflow.name} was stopped", fix=_how_to_resume(found))
    raise WorkflowFailed(f"run {found.run} of {workflow.name} failed: {found.error}", fix=_how_to_resume(found))


def status(environment: str, run: str) -> Run:
    """One run with its steps.

    Args:
        environment: name of the environment.
        run: its id, or the first characters of it.

    Raises:
        UnknownName: there is no such run.
        MissingExtra, StackNotRunning, InfraError, StoreUnavailable: the records cannot be read.
    """
    with _records(environment) as records:
        return _run(records, _record(records, run), with_steps=True)


def history(environment: str, workflow: str = "", limit: int = 20) -> list[Run]:
    """The newest runs, newest first; of one workflow, if it is named."""
    from dagster import RunsFilter

    only = RunsFilter(job_name=registry.job_name(workflow)) if workflow else None
    with _records(environment) as records:
        return [_run(records, one) for one in records.get_run_records(only, limit=limit)]


def cancel(environment: str, run: str) -> Run:
    """Stop a run as Ctrl-C does.

    Returns:
        The run as it was when the signal was sent.

    Raises:
        UnknownName: there is no such run.
        UsageError: it has ended, or runs on another machine.
    """
    from dagster import DagsterRunStatus

    with _records(environment) as records:
        record = _record(records, run)
        found = record.dagster_run
        if found.is_finished:
            raise UsageError(f"run {found.run_id} has ended: {found.status.value.lower()}")
        if found.status is DagsterRunStatus.QUEUED:
            records.run_coordinator.cancel_run(found.run_id)
            return _run(records, _record(records, run))
        pid = _process_of(found)
        if pid is None:
            raise UsageError(f"run {found.run_id} has no process on this machine", fix="stop it where it was started")
        records.report_run_canceling(found)
        os.kill(pid, signal.SIGINT)
        return _run(records, record)


@contextlib.contextmanager
def _records(environment: str) -> Iterator[DagsterInstance]:
    """The records of runs, in which no run of a process that is gone still runs."""
    instance.require_dagster()
    settings = environments.connect(environment, {"postgres"})
    with instance.opened(settings, environment) as records:
        if fail_lost_runs(records):
            report_failures(records, environment)
        yield records


def report_failures(records: DagsterInstance, environment: str) -> list[str]:
    """Tell the webhook, if one is set, of failed runs that it was not told of. Returns their ids."""
    return webhook.report(records, environment, lambda run: _run(records, _record(records, run)), to_stderr)


def _executed(
    records: DagsterInstance, workflow: Workflow, environment: str, parameters: Mapping[str, Any], resumed: str
) -> Run:
    from dagster import ReexecutionOptions, execute_job
    from dagster._core.definitions.reconstruct import ReconstructableRepository

    from shoplake.orchestration import steps

    source = ReconstructableRepository.for_module("shoplake.orchestration.definitions", "jobs", str(Path.cwd()))
    done = execute_job(
        source.get_reconstructable_job(workflow.job),
        instance=records,
        run_config=steps.run_config(environment, parameters),
        tags=steps.process_tags(environment),
        reexecution_options=ReexecutionOptions.from_failure(resumed, records) if resumed else None,
    )  # not used as a context manager: that would make the resources of the run again
    return _run(records, _record(records, done.run_id), with_steps=True)


def _resumable(records: DagsterInstance, workflow: Workflow, run: str) -> DagsterRun:
    """A run that can be resumed."""
    found = _record(records, run).dagster_run
    if found.job_name != workflow.job:
        raise UsageError(f"run {found.run_id} is one of {found.job_name}, not of {workflow.job}")
    if not found.is_failure_or_canceled:
        raise UsageError(
            f"run {found.run_id} cannot be resumed: {found.status.value.lower()}",
            fix=f"`shoplake workflow run {workflow.name}` starts a new run",
        )
    return found


def succeeded(environment: str, workflow: Workflow, wanted: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """The days for which a run with the same parameters has succeeded.

    Args:
        environment: name of the environment.
        workflow: one with a partition.
        wanted: day -> the parameters of its run.
    """
    from dagster import DagsterRunStatus, RunsFilter

    name = workflow.config.partition
    with _records(environment) as records:
        only = RunsFilter(
            job_name=workflow.job,
            statuses=[DagsterRunStatus.SUCCESS],
            tags={PARTITION_TAG: [f"{name}={day}" for day in wanted]},
        )
        found = [_parameters(run) for run in records.get_runs(only)]
    return {day for day, parameters in wanted.items() if parameters in found}


def _in_progress(records: DagsterInstance, workflow: Workflow, parameters: Mapping[str, Any]) -> DagsterRun | None:
    from dagster import RunsFilter
    from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES

    name = workflow.config.partition
    tags = {PARTITION_TAG: f"{name}={parameters[name]}"} if name else {}
    wanted = RunsFilter(job_name=workflow.job, statuses=IN_PROGRESS_RUN_STATUSES, tags=tags)
    return next(iter(records.get_runs(wanted, limit=1)), None)


def fail_lost_runs(records: DagsterInstance) -> list[str]:
    """Mark each run as failed whose process on this machine is gone: it was killed, and could not do so itself.

    Returns:
        Their ids.
    """
    from dagster import RunsFilter
    from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

    lost = [
        run
        for run in records.get_runs(RunsFilter(statuses=NOT_FINISHED_STATUSES))
        if run.tags.get(f"{TAG}host") == socket.gethostname() and _process_of(run) is None
    ]
    for run in lost:
        records.report_run_failed(run, KILLED)
    return [run.run_id for run in lost]


def _process_of(run: DagsterRun) -> int | None:
    """The process of a run, if it is on this machine and alive."""
    pid, started = run.tags.get(f"{TAG}pid"), run.tags.get(f"{TAG}started")
    if pid is None or run.tags.get(f"{TAG}host") != socket.gethostname():
        return None
    return int(pid) if str(start_time(int(pid))) == started else None


def _record(records: DagsterInstance, run: str) -> RunRecord:
    """The record of a run, by its id or the first characters of it."""
    found = records.get_run_record_by_id(run)
    near = [found] if found else []
    if not near and len(run) >= 4:
        near = [one for one in records.get_run_records(limit=LOOKED_AT) if one.dagster_run.run_id.startswith(run)]
    if len(near) != 1:
        raise UnknownName(
            f"there is no run '{run}'" if not near else f"several runs begin with '{run}'",
            fix="`shoplake workflow history` lists the newest runs with their ids",
        )
    return near[0]


def _run(records: DagsterInstance, record: RunRecord, *, with_steps: bool = False) -> Run:
    run = record.dagster_run
    begun = dt.datetime.fromtimestamp(record.start_time or record.create_timestamp.timestamp(), dt.UTC)
    seconds = record.end_time - begun.timestamp() if record.end_time else None
    steps = tuple(_steps(records, run)) if with_steps or run.status.value == "FAILURE" else ()
    failed = next((f"{one.name}: {one.error}" for one in steps if one.error), "")
    return Run(
        run=run.run_id,
        workflow=run.tags.get(f"{TAG}workflow", run.job_name),
        environment=_given(run).get("environment", environments.LOCAL),
        state=run.status.value.lower(),
        started_at=begun,
        seconds=round(seconds, 3) if seconds is not None else None,
        parameters=_parameters(run),
        error=(failed or _reason(records, run)) if run.status.value == "FAILURE" else "",
        resumed=run.parent_run_id or "",
        steps=steps if with_steps else (),
    )


def _given(run: DagsterRun) -> Mapping[str, Any]:
    found: Mapping[str, Any] = run.run_config.get("resources", {}).get("run", {}).get("config", {})
    return found


def _parameters(run: DagsterRun) -> Mapping[str, Any]:
    """The parameters of a run, with its day where its configuration says `yesterday`."""
    name, _, day = run.tags.get(PARTITION_TAG, "").partition("=")
    found: Mapping[str, Any] = _given(run).get("parameters", {})
    return {**found, name: day} if day else found


def _steps(records: DagsterInstance, run: DagsterRun) -> Iterator[StepRun]:
    events = [one.dagster_event for one in records.all_logs(run.run_id) if one.dagster_event]
    results = {one.step_key: one.step_output_data.metadata for one in events if one.event_type_value == "STEP_OUTPUT"}
    errors = {one.step_key: _message(one.step_failure_data.error) for one in events if one.is_step_failure}
    for stats in sorted(records.get_run_step_stats(run.run_id), key=lambda one: one.start_time or 0):
        state = stats.status.value.lower() if stats.status else "in_progress"
        if run.is_finished and state == "in_progress":
            state = "failure"
        taken = stats.end_time - stats.start_time if stats.end_time and stats.start_time else None
        yield StepRun(
            name=stats.step_key,
            state=state,
            seconds=round(taken, 3) if taken is not None else None,
            attempts=stats.attempts or 0,
            result={name: value.value for name, value in results.get(stats.step_key, {}).items()},
            error=errors.get(stats.step_key, "") if state == "failure" else "",
        )


def _message(error: Any) -> str:  # noqa: ANN401 - of Dagster
    """First line of the innermost error of a step."""
    while error is not None and error.cause is not None:
        error = error.cause
    lines: Sequence[str] = [] if error is None else error.message.strip().splitlines()
    text = _OWN_ERROR.sub("", lines[0]) if lines else ""
    return text or "it failed without a message"


def _reason(records: DagsterInstance, run: DagsterRun) -> str:
    """Why a run failed that has no failed step."""
    events = [one.dagster_event for one in records.all_logs(run.run_id) if one.dagster_event]
    ends = [one for one in events if one.is_job_failure]
    if not ends:
        return "it failed without a message"
    if (ends[-1].message or "").startswith(_MARKED):
        return KILLED
    failure = ends[-1].event_specific_data
    inner = _message(failure.error) if failure is not None and failure.error else ""
    return f"{ends[-1].message or ''} {inner}".strip().splitlines()[0]


def _how_to_resume(run: Run) -> str:
    return (
        f"`shoplake workflow status {run.run[:8]}` shows the steps; correct the cause, then"
        f" `shoplake workflow run {run.workflow} --resume {run.run[:8]}` repeats those that did not succeed"
    )
