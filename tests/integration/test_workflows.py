"""Workflows on the embedded stack: they run through Dagster in process, and their records are in Postgres."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import psycopg
import pytest

from shoplake.orchestration import registry, runs
from shoplake.orchestration.template import create
from shoplake.query import lake
from shoplake.settings import Settings
from shoplake.sinks.lake.tables import open_catalog

pytest.importorskip("dagster", reason="the extra `orchestrate` is not installed")
pytestmark = pytest.mark.stack

TIMEOUT_S = 300
CODE = """
    import time
    from pathlib import Path

    from shoplake.orchestration.workflow import step


    @step()
    def first(context):
        with Path(context.parameters["log"]).open("a") as log:
            log.write("first\\n")
        return {"n": 1}


    @step(after=first)
    def second(context):
        log = Path(context.parameters["log"])
        with log.open("a") as lines:
            lines.write("second\\n")
        if context.parameters["mode"] == "sleep":
            time.sleep(600)
        if context.parameters["mode"] == "fail":
            raise ValueError("the source is away")
        return {"n": context.results["first"]["n"] + 1}
"""
CONFIG = """
    description: For a test.
    owner: test
    retries: {attempts: 1, delay: 1s}
    parameters:
      log: {type: text, description: File that the steps write their names to.}
      mode: {type: text, default: good, description: What the second step does.}
"""
SCRIPT = """
import sys
from pathlib import Path
from shoplake.orchestration import registry
folder = Path(sys.argv.pop(1))
registry.folders = lambda: (folder,)
from shoplake.cli.main import main
main()
"""


def shoplake(*arguments: str) -> Any:
    """Run a command in a new process; returns what it prints, which is JSON."""
    command = [sys.executable, "-I", "-m", "shoplake.cli.main", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Probe:
    """A workflow of this file's own, run by commands in processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.workflows = folder / "workflows"
        own = self.workflows / "probe"
        own.mkdir(parents=True)
        (own / "config.yaml").write_text(dedent(CONFIG).lstrip())
        (own / "workflow.py").write_text(dedent(CODE).lstrip())

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        self.log.write_text("")
        given = ["workflow", "run", "probe", "--json", *arguments]
        if "--resume" not in arguments:
            given += ["--config", f"log={self.log}"]
        command = [sys.executable, "-c", SCRIPT, str(self.workflows), *given]
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=TIMEOUT_S)
        return process.returncode, out, err

    def steps(self) -> list[str]:
        return self.log.read_text().split()

    def wait_for(self, process: subprocess.Popen[str], step: str) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while step not in self.steps():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, f"{step} did not begin"
            time.sleep(0.05)


@pytest.fixture
def probe(platform: Settings, tmp_path: Path) -> Probe:
    del platform
    return Probe(tmp_path)


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


def test_a_killed_run_has_failed_and_is_resumed_where_it_was(probe: Probe) -> None:
    process = probe.start("--config", "mode=sleep")
    probe.wait_for(process, "second")
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


def test_a_second_run_is_refused_and_the_first_can_be_stopped(probe: Probe) -> None:
    process = probe.start("--config", "mode=sleep")
    try:
        probe.wait_for(process, "second")
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
    template = registry.folders()[0] / registry.TEMPLATE
    monkeypatch.setattr(registry, "folders", lambda: (template.parent, tmp_path))
    folder = create("my-source")
    monkeypatch.setattr(registry, "folders", lambda: (tmp_path,))
    done = runs.start(registry.load(folder), "local", {})

    steps = {step.name: step.result for step in done.steps}
    assert steps["ingest"]["rows"] == {"2026-09-01.csv": 3, "2026-09-02.jsonl": 2}
    assert steps["model"]["rows"] == {"my_source_by_day": 3}
