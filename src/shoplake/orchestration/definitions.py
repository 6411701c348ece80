"""What Dagster loads: `jobs` has the workflows, `everything` also the assets of the map, schedules and triggers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from shoplake.map.graph import SYSTEMS, Dataset, Edge, Graph
from shoplake.orchestration import registry, steps
from shoplake.orchestration.registry import Registry, Workflow

NOT_ASSETS = ("jobs",)


def jobs() -> dg.Definitions:
    """The jobs of all valid workflows. Enough to run one."""
    return dg.Definitions(jobs=[steps.job_of(one) for one in registry.read().workflows.values()])


def everything() -> dg.Definitions:
    """Assets from topics to dashboards, the jobs of all workflows, their schedules and triggers.

    Raises:
        MapError, WarehouseError, MissingExtra: the map cannot be read.
    """
    from shoplake.map import project

    found = registry.read()
    made = {one.name: steps.job_of(one) for one in found.workflows.values()}
    return dg.Definitions(
        assets=assets(project.graph()),
        jobs=list(made.values()),
        schedules=[
            dg.ScheduleDefinition(job=made[one.name], cron_schedule=one.config.schedule, execution_timezone="UTC")
            for one in found.workflows.values()
            if one.config.schedule
        ],
        sensors=list(_sensors(found, made)),
    )


def assets(graph: Graph) -> list[dg.AssetSpec]:
    """An external asset per dataset of the map, from topics to dashboards.

    Dagster runs none of them: workflows note what they have written.
    """
    upstream: dict[str, list[str]] = {}
    datasets = [edge for edge in graph.flows if graph.datasets[edge.source].system not in NOT_ASSETS]
    for edge in without_cycles(datasets):
        upstream.setdefault(edge.target, []).append(edge.source)
    return [
        dg.AssetSpec(
            key=_key(one),
            deps=[dg.AssetDep(_key(graph.datasets[name])) for name in upstream.get(one.id, ())],
            description=one.description,
            group_name=one.system,
            owners=[f"team:{one.owner}"],
            tags=dict.fromkeys(one.tags, ""),
            kinds={one.kind.replace(" ", "_")},
            metadata={"source": one.source},
        )
        for one in graph.datasets.values()
        if one.system not in NOT_ASSETS
    ]


def without_cycles(edges: Iterable[Edge]) -> list[Edge]:
    """The edges without those that close a cycle: repaired dead letters go back to their topics.

    Edges from an earlier to a later system come first, so that these stay.
    """
    reach: dict[str, set[str]] = {}
    kept = []
    for edge in sorted(edges, key=lambda one: _rank(one.target) <= _rank(one.source)):
        if edge.source == edge.target or edge.source in reach.get(edge.target, ()):
            continue
        kept.append(edge)
        below = {edge.target} | reach.get(edge.target, set())
        reach.setdefault(edge.source, set()).update(below)
        for ends in reach.values():
            if edge.source in ends:
                ends |= below
    return kept


def _rank(name: str) -> int:
    return SYSTEMS.index(name.partition(".")[0])


def _key(dataset: Dataset) -> dg.AssetKey:
    return dg.AssetKey([dataset.system, dataset.name])


def _sensors(found: Registry, made: dict[str, dg.JobDefinition]) -> Iterator[dg.SensorDefinition]:
    for one in found.workflows.values():
        if one.config.trigger is not None:
            yield _sensor(one, made[one.name], made[one.config.trigger.after])


def _sensor(workflow: Workflow, job: dg.JobDefinition, after: dg.JobDefinition) -> dg.SensorDefinition:
    """Start a run of a workflow for each run of another one that has succeeded."""

    def evaluate(context: Any) -> dg.RunRequest:  # noqa: ANN401 - of Dagster
        return dg.RunRequest(run_key=context.dagster_run.run_id)

    return dg.RunStatusSensorDefinition(
        name=f"{workflow.job}_after_{after.name}",
        run_status=dg.DagsterRunStatus.SUCCESS,
        run_status_sensor_fn=evaluate,
        monitored_jobs=[after],
        request_job=job,
    )
