"""Workflows on the embedded stack: they run through Dagster in process, and their records are in Postgres."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from shoplake.orchestration import registry, runs
from shoplake.orchestration.template import create
from shoplake.query import lake
from shoplake.settings import Settings
from shoplake.sinks.lake.tables import open_catalog
from tests.integration.dead_server import dead
from tests.integration.own_workflow import TIMEOUT_S, Probe, shoplake
from tests.paged_source import PagedSource, fails, served

pytest.importorskip("dagster", reason="the extra `orchestrate` is not installed")
pytestmark = pytest.mark.stack


@pytest.fixture
def probe(platform: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Probe:
    del platform
    monkeypatch.setenv("SHOPLAKE_WORKFLOWS", str(tmp_path / "workflows"))
    return Probe(tmp_path / "workflows")


@pytest.fixture(scope="module")
def closed(loaded_stack: Settings) -> Iterator[dict[str, Any]]:
    """A run of daily-close; its gold tables go after this file."""
    yield shoplake("workflow", "run", "daily-close", "--json")
    catalog = open_catalog(loaded_stack)
    for identifier in catalog.list_tables(lake.gold_database(loaded_stack)):
        catalog.drop_table(identifier)
    catalog.drop_namespace(lake.gold_database(loaded_stack))


@pytest.mark.large  # a build, dbt's tests and all checks: a minute and a half of CPU time
def test_the_day_closes_with_a_build_that_is_checked_and_proved(closed: dict[str, Any]) -> None:
    assert closed["state"] == "success"
    steps = {step["name"]: step for step in closed["steps"]}
    assert {step["state"] for step in steps.values()} == {"success"}
    assert steps["build"]["result"]["new_events"] > 0
    assert steps["check"]["result"]["passed"] > 0
    assert steps["verify"]["result"]["rows"] > 0
    assert steps["verify"]["result"]["wrong"] == 0
    assert steps["report"]["result"]["revenue"]


@pytest.mark.large
def test_the_record_is_in_postgres_and_survives_the_process(closed: dict[str, Any], platform: Settings) -> None:
    assert shoplake("workflow", "status", closed["run"][:8], "--json") == closed
    assert closed["run"] in {one.run for one in runs.history("local", "daily-close")}
    with psycopg.connect(platform.postgres.conninfo()) as connection:
        rows = connection.execute("SELECT status FROM dagster.runs WHERE run_id = %s", [closed["run"]]).fetchall()
        tables = connection.execute(
            "SELECT count(DISTINCT asset_key) FROM dagster.event_logs"
            " WHERE dagster_event_type = 'ASSET_MATERIALIZATION'"
        ).fetchone()
    assert rows == [("SUCCESS",)]
    assert tables is not None
    assert tables[0] > 0


def test_a_step_that_fails_is_tried_again_and_fails_the_run_with_its_error(probe: Probe) -> None:
    code, out, err = probe.run("--config", "mode=fail")

    assert (code, out) == (1, "")
    assert "SL1301" in err
    assert "second: ValueError: the source is away" in err
    assert probe.steps() == ["first", "second", "second"]
    newest = runs.history("local", "probe", 1)[0]
    assert (newest.state, newest.error) == ("failure", "second: ValueError: the source is away")


def test_a_webhook_is_told_of_each_failed_run_once(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(PagedSource([])) as hook:
        monkeypatch.setenv("SHOPLAKE_WORKFLOW_WEBHOOK", f"{hook.address}/hook")
        probe.run()  # it is told of the runs of other tests
        hook.posts.clear()
        hook.faults = [fails(503)]
        code, _, err = probe.run("--config", "mode=fail")
        assert (code, "the webhook 127.0.0.1 did not accept a failed run" in err) == (1, True), err
        failed = runs.history("local", "probe", 1)[0]

        for _ in range(2):
            assert probe.run()[0] == 0

    assert [(one["run"], one["workflow"], one["error"]) for one in hook.posts] == [
        (failed.run, "probe", "second: ValueError: the source is away")
    ]
    assert hook.headers[-1]["Idempotency-Key"] == failed.run


def test_an_address_of_a_webhook_that_is_none_is_refused(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPLAKE_WORKFLOW_WEBHOOK", "hooks.example.com/secret")
    code, _, err = probe.run()
    assert (code, "SHOPLAKE_WORKFLOW_WEBHOOK" in err, "secret" in err) == (2, True, False), err
    assert probe.steps() == []


def test_a_killed_run_has_failed_and_is_resumed_where_it_was(probe: Probe) -> None:
    process = probe.start("--config", "mode=sleep")
    probe.wait_for("second", process)
    running = runs.history("local", "probe", 1)[0]
    assert running.state == "started"

    process.kill()
    process.communicate()

    killed = runs.status("local", running.run)
    assert (killed.state, killed.error) == ("failure", "the process was killed")
    code, out, err = probe.run("--resume", killed.run, "--config", "mode=good")
    assert code == 0, err
    assert probe.steps() == ["second"]
    resumed = json.loads(out)
    assert (resumed["state"], resumed["resumed"]) == ("success", killed.run)
    assert resumed["steps"][0]["result"] == {"n": 2}


@pytest.mark.large  # Dagster tries for a while to write its records
def test_a_run_whose_records_are_away_has_failed_and_is_resumed(probe: Probe) -> None:
    process = probe.start("--config", "mode=wait")
    probe.wait_for("second", process)
    with dead("postgres"):
        probe.go()
        out, err = process.communicate(timeout=TIMEOUT_S)

    assert (process.returncode, out) == (1, ""), err
    assert "SL0504" in err
    assert "Traceback" not in err
    failed = runs.history("local", "probe", 1)[0]
    assert failed.state == "failure"
    code, _, err = probe.run("--resume", failed.run, "--config", "mode=good")
    assert code == 0, err
    assert probe.steps() == ["second"]


def test_a_second_run_is_refused_and_the_first_can_be_stopped(probe: Probe) -> None:
    process = probe.start("--config", "mode=sleep")
    try:
        probe.wait_for("second", process)
        running = runs.history("local", "probe", 1)[0]
        code, _, err = probe.run()
        assert code == 1
        assert "SL1302" in err
        assert running.run in err
        assert probe.steps() == []

        runs.cancel("local", running.run)
        _, err = process.communicate(timeout=TIMEOUT_S)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert process.returncode == 130, err
    assert runs.status("local", running.run).state == "canceled"
    assert len(runs.history("local", "probe", 1)) == 1


def test_a_workflow_of_the_template_runs(
    loaded_stack: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del loaded_stack
    monkeypatch.setenv("SHOPLAKE_WORKFLOWS", str(tmp_path))
    done = runs.start(registry.load(create("my-source")), "local", {})

    steps = {step.name: step.result for step in done.steps}
    assert steps["ingest"]["rows"] == {"2026-09-01.csv": 3, "2026-09-02.jsonl": 2}
    assert steps["model"]["rows"] == {"my_source_by_day": 3}


@pytest.mark.parametrize("workflow", ["ingest-files", "lake-maintenance"])
def test_a_shipped_workflow_runs_and_runs_again(loaded_stack: Settings, tmp_path: Path, workflow: str) -> None:
    (tmp_path / "visits.csv").write_text("day,visitors\n2026-09-01,120\n2026-09-02,80\n")
    given = {"ingest-files": (f"folder={tmp_path}", "table=probe_visits"), "lake-maintenance": ("keep=1h",)}[workflow]
    options = [part for one in given for part in ("--config", one)]

    first = shoplake("workflow", "run", workflow, "--json", *options)["steps"][0]["result"]
    again = shoplake("workflow", "run", workflow, "--json", *options)["steps"][0]["result"]

    if workflow == "ingest-files":
        assert (first["new"], again["new"], again["rows"]) == ({"visits.csv": 2}, {}, {"visits.csv": 2})
        open_catalog(loaded_stack).drop_table(tuple(first["table"].split(".")))
    else:
        assert again == {"compacted_files": 0, "expired_snapshots": 0, "orphans": 0}
