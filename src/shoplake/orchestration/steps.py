"""Turns a workflow into a job of Dagster: one op per step, with retries, a time-out and a record in the run log."""

# No `from __future__ import annotations` here: Dagster refuses an op whose annotations are texts.

import contextlib
import datetime as dt
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import dagster as dg

from shoplake import run_log
from shoplake.backoff import jittered
from shoplake.errors import Interrupted, ShoplakeError, UsageError, WorkflowFailed, WorkflowTimedOut
from shoplake.orchestration import locks
from shoplake.orchestration.config import YESTERDAY, Parameter, Retries, day_before, plain, seconds
from shoplake.orchestration.instance import environment_of_servers
from shoplake.orchestration.runs import PARTITION_TAG
from shoplake.orchestration.workflow import Context, Result, Step
from shoplake.proc_stat import start_time
from shoplake.terminal import to_stderr

if TYPE_CHECKING:
    from shoplake.orchestration.registry import Workflow

RUN = "run"
"""Name of the resource that all steps of a run share."""

RESULT = "result"

TAG = "shoplake/"
WORKFLOW_TAG = f"{TAG}workflow"
_TYPES: Mapping[str, Any] = {"text": str, "integer": int, "number": float, "boolean": bool, "date": str}


class Running:
    """A run, for its steps.

    Attributes:
        error: message of the error of the last step, if it has failed and not succeeded since.
        interrupted: whether Ctrl-C or a signal has ended it.
    """

    def __init__(self, environment: str, parameters: Mapping[str, Any], timeout_s: int) -> None:
        self.environment = environment
        self.parameters = parameters
        self.error = ""
        self.interrupted = False
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + timeout_s

    def run(self, step: Step, results: Mapping[str, Result]) -> tuple[Result, Context]:
        """Run one step.

        Raises:
            WorkflowTimedOut: the time of the run is up.
            Exception: what the step raises.
        """
        context = Context(self.environment, self.parameters, results)
        try:
            with self._limited(step):
                result = step.body(context) or {}
            json.dumps(result)
        except Exception as error:
            self.error = f"{step.name}: {error.message if isinstance(error, ShoplakeError) else _words(error)}"
            raise
        except BaseException:
            self.interrupted = True
            raise
        self.error = ""
        return result, context

    @contextlib.contextmanager
    def _limited(self, step: Step) -> Iterator[None]:
        """Interrupt the block when the time of the run is up. Signals reach the main thread only."""

        def late(number: int = 0, frame: FrameType | None = None) -> NoReturn:
            del number, frame
            raise WorkflowTimedOut(f"the run has taken longer than {self._timeout_s} s, in step {step.name}")

        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            late()
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, left_s)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def job_of(workflow: "Workflow") -> dg.JobDefinition:
    """The job of a workflow."""
    config = workflow.config
    graph = dg.GraphDefinition(
        name=workflow.job,
        description=config.description,
        node_defs=[_op_of(workflow, one) for one in workflow.steps],
        dependencies={
            dg.NodeInvocation(_op_name(workflow, one), alias=one.name): {
                before.name: dg.DependencyDefinition(before.name, RESULT) for before in one.after
            }
            for one in workflow.steps
        },
    )
    return graph.to_job(
        resource_defs={RUN: _resource_of(workflow)},
        config=default_config(workflow),
        executor_def=dg.in_process_executor,
        tags={
            WORKFLOW_TAG: workflow.name,
            "dagster/max_runtime": str(config.timeout_s),
            **{f"{TAG}{tag}": "true" for tag in config.tags},
        },
        metadata={"owner": config.owner, "folder": str(workflow.folder)},
    )


def run_config(environment: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a run, as Dagster takes it. Its logger would print what is in the record."""
    return {
        "resources": {RUN: {"config": {"environment": environment, "parameters": dict(parameters)}}},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }


def default_config(workflow: "Workflow") -> dict[str, Any] | None:
    """The configuration of a run that names no parameter; None if a parameter has no default."""
    parameters = workflow.config.parameters
    if any(one.default is None for one in parameters.values()):
        return None
    return run_config(environment_of_servers(), {name: plain(one.default) for name, one in parameters.items()})


def pause_before(retries: Retries, attempt: int) -> float:
    """Seconds to wait before an attempt; 1 is the second one. They double with each attempt, with jitter."""
    return jittered(float(seconds(retries.delay) << (attempt - 1)))


def _op_name(workflow: "Workflow", step: Step) -> str:
    """Name of the op of a step. Dagster wants one for each op of all workflows; the run shows the step's own name."""
    return f"{workflow.job}__{step.name}"


def _op_of(workflow: "Workflow", step: Step) -> dg.OpDefinition:
    """The op of a step. It has no retry policy of Dagster, which would also repeat a step that Ctrl-C has stopped."""
    retries = workflow.config.retries

    def compute(context: dg.OpExecutionContext, inputs: Mapping[str, Any]) -> Iterator[Any]:
        running: Running = getattr(context.resources, RUN)
        try:
            result, told = running.run(step, inputs)
        except Exception as error:
            attempt = context.retry_number
            if attempt < retries.attempts and not isinstance(error, UsageError | WorkflowTimedOut):
                pause_s = pause_before(retries, attempt + 1)
                to_stderr(f"{running.error}; next attempt in {pause_s:.0f} s")
                raise dg.RetryRequested(retries.attempts, pause_s) from error
            if isinstance(error, ShoplakeError):
                raise dg.Failure(str(error)) from error
            raise
        for change in told.changes:
            yield dg.AssetMaterialization(change.dataset.split(".", 1), metadata=dict(change.details))
        for seen in told.observations:
            yield dg.AssetObservation(
                seen.dataset.split(".", 1),
                metadata=dict(seen.details),
                tags={"dagster/data_version": seen.version} if seen.version else None,
            )
        for check in told.checks:
            yield dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey(check.dataset.split(".", 1)),
                check_name=check.name,
                passed=check.passed,
                severity=dg.AssetCheckSeverity.ERROR if check.severe else dg.AssetCheckSeverity.WARN,
                metadata=dict(check.details),
            )
        yield dg.Output(dict(result), RESULT, metadata={name: _metadata(value) for name, value in result.items()})

    return dg.OpDefinition(
        compute_fn=compute,
        name=_op_name(workflow, step),
        description=step.description,
        ins={before.name: dg.In(dict) for before in step.after},
        outs={RESULT: dg.Out(dict)},
        required_resource_keys={RUN},
    )


def _resource_of(workflow: "Workflow") -> dg.ResourceDefinition:
    """The run, from its first step to its last. The run log has it under `workflow-<name>`."""

    @contextlib.contextmanager
    def run(context: Any) -> Iterator[Running]:  # noqa: ANN401 - of Dagster
        given = context.resource_config
        parameters, tags = _with_day(workflow, given["parameters"], context)
        if (records := context.instance) is not None and not records.is_ephemeral:
            # `_fail_lost_runs` and `workflow cancel` find the process of a run by them.
            records.add_run_tags(context.run.run_id, process_tags(given["environment"]) | tags)
        running = Running(given["environment"], parameters, workflow.config.timeout_s)
        job = f"{run_log.WORKFLOW}{workflow.name}"
        with (
            locks.held(running.environment, locks.name_of(workflow, parameters)),
            contextlib.suppress(Interrupted, WorkflowFailed),
            run_log.recording(job, environment=running.environment),
        ):
            yield running
            if running.interrupted:
                raise Interrupted(f"workflow {workflow.name} was stopped")
            if running.error:
                raise WorkflowFailed(running.error)

    schema = {
        "environment": dg.Field(str, default_value=environment_of_servers()),
        "parameters": dg.Field(
            {name: _field(one) for name, one in workflow.config.parameters.items()},
            is_required=any(one.default is None for one in workflow.config.parameters.values()),
        ),
    }
    return dg.ResourceDefinition(run, config_schema=schema)


def _with_day(
    workflow: "Workflow",
    parameters: Mapping[str, Any],
    context: Any,  # noqa: ANN401 - of Dagster
) -> tuple[Mapping[str, Any], dict[str, str]]:
    """The parameters with the day of the run, and its tag. A run that is resumed later has the day of the first one."""
    name = workflow.config.partition
    if name is None:
        return parameters, {}
    day = parameters[name]
    if day == YESTERDAY:
        _, _, kept = context.run.tags.get(PARTITION_TAG, "").partition("=")
        day = kept or day_before(dt.datetime.now(dt.UTC))
    return {**parameters, name: day}, {PARTITION_TAG: f"{name}={day}"}


def process_tags(environment: str) -> dict[str, str]:
    """Tags of a run in this process."""
    pid = os.getpid()
    return {
        f"{TAG}environment": environment,
        f"{TAG}host": socket.gethostname(),
        f"{TAG}pid": str(pid),
        f"{TAG}started": str(start_time(pid) or 0),
    }


def _field(parameter: Parameter) -> Any:  # noqa: ANN401 - of Dagster
    kind = _TYPES[parameter.type]
    if parameter.default is None:
        return dg.Field(kind, description=parameter.description)
    return dg.Field(kind, default_value=kind(plain(parameter.default)), description=parameter.description)


def _metadata(value: Any) -> Any:  # noqa: ANN401 - any JSON
    return value if isinstance(value, str | int | float | bool) else dg.JsonMetadataValue(value)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
