"""What Dagster loads: assets from topics to dashboards, jobs, schedules and triggers. No server is needed."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path

import pytest

from shoplake.map import project
from shoplake.map.graph import Edge

dg = pytest.importorskip("dagster", reason="the extra `orchestrate` is not installed")

from shoplake.orchestration import assets, definitions, instance, registry, steps  # noqa: E402 - Dagster may be missing
from shoplake.orchestration import config as configuration  # noqa: E402

from .conftest import CONFIG, Write  # noqa: E402


def test_the_asset_graph_goes_from_topics_to_metrics() -> None:
    graph = definitions.everything().resolve_asset_graph()
    path = [("kafka", "orders"), ("lake", "orders"), ("silver", "stg_orders"), ("gold", "fct_orders")]
    keys = [dg.AssetKey(part) for part in path]

    assert len(graph.get_all_asset_keys()) == sum(
        one.system not in assets.NOT_ASSETS for one in project.graph().datasets.values()
    )
    for upstream, key in itertools.pairwise(keys):
        assert upstream in graph.get(key).parent_keys
    metrics = [key for key in graph.get_all_asset_keys() if key.path[0] == "metrics"]
    assert metrics
    assert all(graph.get(key).parent_keys for key in metrics)


def test_schedules_and_triggers_start_the_jobs_of_workflows(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("first", CONFIG + "schedule: '0 3 * * *'\n")
    folder = write("second", CONFIG + "trigger: {after: first}\n")
    found = registry.read([folder.parent])
    monkeypatch.setattr(registry, "read", lambda: found)

    repository = definitions.everything().get_repository_def()

    (schedule,) = repository.schedule_defs
    assert (schedule.job_name, schedule.cron_schedule, schedule.execution_timezone) == ("first", "0 3 * * *", "UTC")
    (sensor,) = [one for one in repository.sensor_defs if one.has_jobs]
    assert [target.job_name for target in sensor.targets] == ["second"]


def test_an_edge_that_closes_a_cycle_is_left_out() -> None:
    there, back = Edge("kafka.orders", "kafka.dead_letters"), Edge("kafka.dead_letters", "kafka.orders")
    onwards = Edge("kafka.orders", "lake.orders")

    assert assets.without_cycles([there, back, onwards]) == [onwards, there]


def test_dagster_sends_no_telemetry() -> None:
    assert "telemetry:\n  enabled: false" in instance.CONFIGURATION


def test_a_run_without_a_day_is_for_yesterday_and_keeps_it_when_it_is_resumed(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path))
    config = CONFIG + "partition: day\nparameters:\n  day: {type: date, default: yesterday, description: Day.}\n"
    code = """
        from shoplake.orchestration.workflow import step

        @step()
        def day(context):
            return {"day": context.parameters["day"]}
    """
    workflow = registry.load(write("by-day", config, code))
    job = steps.job_of(workflow)

    before = configuration.day_before(dt.datetime.now(dt.UTC))
    with dg.DagsterInstance.local_temp(str(tmp_path)) as records:
        done = job.execute_in_process(instance=records)
        tags = records.get_run_by_id(done.run_id).tags
        later = job.execute_in_process(instance=records, tags={"shoplake/partition": "day=2026-09-01"})

    assert done.output_for_node("day", "result")["day"] in (before, configuration.day_before(dt.datetime.now(dt.UTC)))
    assert tags["shoplake/partition"] == f"day={done.output_for_node('day', 'result')['day']}"
    assert later.output_for_node("day", "result") == {"day": "2026-09-01"}
