"""What Dagster loads: `jobs` has the workflows, `everything` also the assets of the map, schedules and triggers."""

from __future__ import annotations

import dagster as dg

from shoplake.orchestration import registry, steps, triggers


def jobs() -> dg.Definitions:
    """The jobs of all valid workflows. Enough to run one."""
    return dg.Definitions(jobs=[steps.job_of(one) for one in registry.read().workflows.values()])


def everything() -> dg.Definitions:
    """Assets from topics to dashboards with their checks, the jobs of all workflows, their schedules and triggers.

    Raises:
        MapError, WarehouseError, InvalidCheck, MissingExtra: the map or the rules cannot be read.
    """
    from shoplake.map import project
    from shoplake.orchestration import assets

    found = registry.read()
    made = {one.name: steps.job_of(one) for one in found.workflows.values()}
    graph = project.graph()
    return dg.Definitions(
        assets=assets.specs(graph),
        asset_checks=assets.checks(graph, assets.datasets_with_rules()),
        jobs=list(made.values()),
        schedules=triggers.schedules(found, made),
        sensors=list(triggers.sensors(found, made, triggers.SOURCES)),
    )
