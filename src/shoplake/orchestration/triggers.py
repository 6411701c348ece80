"""Schedules and sensors: what starts runs of workflows by itself, and never a second one before the first has ended."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from shoplake.contract import DEAD_LETTERS, TOPICS
from shoplake.orchestration import steps
from shoplake.orchestration.config import seconds
from shoplake.orchestration.instance import environment_of_servers

if TYPE_CHECKING:
    from shoplake.orchestration.registry import Registry, Workflow
    from shoplake.settings import KafkaSettings
    from shoplake.streaming.log_bounds import Bounds

TICK_S = 60
"""Seconds from one look of a sensor to the next."""

Source = Callable[[], str]
"""Reads what a sensor watches, as a text that changes with it; empty if there is nothing yet."""


def schedules(found: Registry, made: Mapping[str, dg.JobDefinition]) -> list[dg.ScheduleDefinition]:
    """A schedule for each workflow that has one. It runs from the first start of the daemon."""
    return [
        _schedule(one, made[one.name])
        for one in found.workflows.values()
        if one.config.schedule is not None and steps.default_config(one) is not None
    ]


def sensors(
    found: Registry, made: Mapping[str, dg.JobDefinition], sources: Mapping[str, Source]
) -> Iterator[dg.SensorDefinition]:
    """A sensor for each workflow with a trigger, and the one that looks for runs whose process was killed."""
    for one in found.workflows.values():
        trigger = one.config.trigger
        if trigger is None or steps.default_config(one) is None:
            continue
        if trigger.after is not None:
            yield _after(one, made[one.name], made[trigger.after])
        elif trigger.when is not None:
            yield _on(one, made[one.name], sources[trigger.when])
    yield _lost_runs()


def unfinished(records: dg.DagsterInstance, job: str) -> bool:
    """Whether a run of a job waits or is in progress."""
    from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

    return bool(records.get_run_ids(dg.RunsFilter(job_name=job, statuses=NOT_FINISHED_STATUSES), limit=1))


def new_snapshot() -> str:
    """Up to where the lake has the log. Compaction makes snapshots, too, but no new events."""
    from shoplake.environments import connect
    from shoplake.positions import Place
    from shoplake.quality.stores import checkpoints

    settings = connect(environment_of_servers(), {"log", "lake"})
    places = [Place(*place) for place in _bounds(settings.kafka, TOPICS)]
    found = asyncio.run(checkpoints.positions(settings, "lake", places))
    return found.as_json() if any(found.next_offsets.values()) else ""


def new_dead_letters() -> str:
    """The ends of the topic of dead letters."""
    from shoplake.environments import connect

    bounds = _bounds(connect(environment_of_servers(), {"log"}).kafka, [DEAD_LETTERS])
    ends = {str(partition): found.stop for (_, partition), found in sorted(bounds.items())}
    return json.dumps(ends) if any(ends.values()) else ""


SOURCES: Mapping[str, Source] = {"new-snapshot": new_snapshot, "new-dead-letters": new_dead_letters}
"""Values of `trigger.when`, and their sources."""


def _bounds(cluster: KafkaSettings, topics: Collection[str]) -> Bounds:
    from shoplake.streaming.log_bounds import read_bounds  # with the client of Kafka, for a tick only

    return asyncio.run(read_bounds(cluster, topics))[1]


def _schedule(workflow: Workflow, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    def evaluate(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if unfinished(context.instance, job.name):
            return dg.SkipReason("the run before has not ended")
        return dg.RunRequest(run_config=steps.default_config(workflow))

    return dg.ScheduleDefinition(
        name=f"{job.name}_schedule",
        job=job,
        cron_schedule=workflow.config.schedule,
        execution_timezone="UTC",
        execution_fn=evaluate,
        description=workflow.config.description,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


def _after(workflow: Workflow, job: dg.JobDefinition, after: dg.JobDefinition) -> dg.SensorDefinition:
    """Start a run of a workflow for each run of another one that has succeeded."""

    def evaluate(context: Any) -> dg.RunRequest:  # noqa: ANN401 - of Dagster
        return dg.RunRequest(run_key=context.dagster_run.run_id, run_config=steps.default_config(workflow))

    return dg.RunStatusSensorDefinition(
        name=f"{job.name}_after_{after.name}",
        run_status=dg.DagsterRunStatus.SUCCESS,
        run_status_sensor_fn=evaluate,
        monitored_jobs=[after],
        request_job=job,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )


def _on(workflow: Workflow, job: dg.JobDefinition, source: Source) -> dg.SensorDefinition:
    """Start a run when a source has changed, unless one has not ended or the last one began a moment ago."""
    trigger = workflow.config.trigger
    assert trigger is not None  # noqa: S101 - the caller has looked
    pause_s = seconds(trigger.at_most_every)

    def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        seen: dict[str, Any] = json.loads(context.cursor) if context.cursor else {"state": "", "at": 0.0}
        if _now_s() - seen["at"] < pause_s:
            return dg.SkipReason(f"at most one run in {trigger.at_most_every}")
        if unfinished(context.instance, job.name):
            return dg.SkipReason("the run before has not ended")
        state = source()
        if state in ("", seen["state"]):
            return dg.SkipReason("nothing new")
        key = hashlib.sha256(state.encode()).hexdigest()[:16]
        request = dg.RunRequest(run_key=key, run_config=steps.default_config(workflow))
        return dg.SensorResult([request], cursor=json.dumps({"state": state, "at": _now_s()}))

    return dg.SensorDefinition(
        name=f"{job.name}_on_{(trigger.when or '').replace('-', '_')}",
        evaluation_fn=evaluate,
        job=job,
        minimum_interval_seconds=TICK_S,
        description=workflow.config.description,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )


def _lost_runs() -> dg.SensorDefinition:
    def evaluate(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        from shoplake.orchestration import runs

        failed = runs.fail_lost_runs(context.instance)
        runs.report_failures(context.instance, environment_of_servers())
        return dg.SkipReason(f"marked as failed: {', '.join(failed)}" if failed else "no run has lost its process")

    return dg.SensorDefinition(
        name="lost_runs",
        evaluation_fn=evaluate,
        minimum_interval_seconds=TICK_S,
        description="Marks runs as failed whose process was killed, and tells the webhook of failed runs.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )


def _now_s() -> float:
    from dagster._time import get_current_timestamp  # Dagster's clock, which its `freeze_time` sets in tests

    return float(get_current_timestamp())
