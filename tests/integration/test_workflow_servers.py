"""`workflow up` on a stack of this file's own: runs of the daemon that are killed fail, and can be resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from shoplake import paths
from shoplake.orchestration import runs
from shoplake.proc_stat import start_time
from shoplake.settings import Settings
from shoplake.stack import process
from tests.integration.dead_server import dead
from tests.integration.own_workflow import TIMEOUT_S, Probe, shoplake, start
from tests.paged_source import PagedSource, served

pytest.importorskip("dagster", reason="the extra `orchestrate` is not installed")
pytestmark = [pytest.mark.stack, pytest.mark.fault]

SERVERS = ("code", "daemon", "web")
AWAY_S = 45
LAUNCH = """
mutation ($run: ExecutionParams!) {
  launchRun(executionParams: $run) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""


@pytest.fixture(scope="module")
def workflows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("own") / "workflows"
        patch.setenv("SHOPLAKE_WORKFLOWS", str(folder))
        yield folder


@pytest.fixture(scope="module")
def webhook() -> Iterator[PagedSource]:
    with served(PagedSource([])) as source, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPLAKE_WORKFLOW_WEBHOOK", f"{source.address}/hook")
        yield source


@pytest.fixture(scope="module")
def probe(workflows: Path) -> Probe:
    return Probe(workflows)


@pytest.fixture(scope="module")
def address(platform: Settings, probe: Probe, webhook: PagedSource) -> Iterator[str]:
    """The address of the web pages. At the end no server is left."""
    del platform, probe, webhook
    started = shoplake("workflow", "up", "--json")
    assert started["state"] == "running"
    pids = [running.pid for running in map(server, SERVERS) if running]
    assert len(pids) == len(SERVERS)
    try:
        yield started["address"]
    finally:
        assert shoplake("workflow", "down", "--json") == {"stopped": True}
    assert [name for name in SERVERS if server(name)] == []
    assert [pid for pid in (*pids, started["pid"]) if start_time(pid) is not None] == []
    assert shoplake("workflow", "down", "--json") == {"stopped": False}


def test_servers_in_the_foreground_end_with_their_command(platform: Settings, probe: Probe) -> None:
    del platform, probe
    running = start("workflow", "up", "--foreground")
    assert running.stderr is not None
    lines: list[str] = []
    for line in running.stderr:
        lines.append(line)
        if "http://127.0.0.1:" in line:
            break
    else:
        pytest.fail("".join(lines))
    port = line.strip().rpartition(":")[2]
    healthy = [sys.executable, "-m", "shoplake.orchestration.servers.healthy", port]
    assert subprocess.run(healthy, check=False).returncode == 0
    pids = [found.pid for found in map(server, SERVERS) if found]
    assert len(pids) == len(SERVERS)

    running.terminate()
    running.communicate(timeout=TIMEOUT_S)

    assert [pid for pid in pids if start_time(pid) is not None] == []
    assert subprocess.run(healthy, check=False).returncode == 1


def server(name: str) -> process.Running | None:
    return process.find(paths.home() / "run" / "workflow" / f"{name}.pid")


def launch(address: str, job: str, parameters: dict[str, Any]) -> str:
    """Start a run as the web pages do; returns its id."""
    selector = {
        "repositoryLocationName": "shoplake",
        "repositoryName": "__repository__",
        "jobName": job,
    }
    config = {"resources": {"run": {"config": {"environment": "local", "parameters": parameters}}}}
    body = {"query": LAUNCH, "variables": {"run": {"selector": selector, "runConfigData": config}}}
    request = urllib.request.Request(
        f"{address}/graphql", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        found = json.load(answer)
    assert found["data"]["launchRun"]["__typename"] == "LaunchRunSuccess", found
    return str(found["data"]["launchRun"]["run"]["runId"])


def eventually(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < deadline, f"expected: {what}"
        time.sleep(0.5)


def recorded(platform: Settings, run: str) -> tuple[str, dict[str, str]]:
    """State and tags of a run in Postgres. Unlike each command, this marks no run as failed."""
    with psycopg.connect(platform.postgres.conninfo()) as connection:
        state = connection.execute("SELECT status FROM dagster.runs WHERE run_id = %s", [run]).fetchone()
        tags = connection.execute("SELECT key, value FROM dagster.run_tags WHERE run_id = %s", [run]).fetchall()
    assert state is not None
    return state[0], dict(tags)


def kill_run(platform: Settings, run: str) -> None:
    _, tags = recorded(platform, run)
    os.kill(int(tags["shoplake/pid"]), signal.SIGKILL)


def test_a_killed_run_of_the_daemon_fails_by_itself_and_is_resumed(
    platform: Settings, address: str, probe: Probe, webhook: PagedSource
) -> None:
    probe.clear()
    run = launch(address, "probe", {"log": str(probe.log), "mode": "sleep"})
    probe.wait_for("second")
    assert recorded(platform, run)[0] == "STARTED"

    kill_run(platform, run)

    eventually("the daemon marks the run as failed", lambda: recorded(platform, run)[0] == "FAILURE")
    assert runs.status("local", run).error == "the process was killed"
    # It is told of runs of other files, too, if they failed in this stack before.
    eventually("the webhook is told of it", lambda: [one["run"] for one in webhook.posts].count(run) == 1)
    code, out, err = probe.run("--resume", run, "--config", "mode=good")
    assert code == 0, err
    assert probe.steps() == ["second"]
    resumed = json.loads(out)
    assert (resumed["state"], resumed["resumed"]) == ("success", run)


@pytest.mark.large  # the daemon marks lost runs once a minute
def test_a_run_survives_its_killed_daemon_which_starts_again(platform: Settings, address: str, probe: Probe) -> None:
    probe.clear()
    run = launch(address, "probe", {"log": str(probe.log), "mode": "sleep"})
    probe.wait_for("second")
    killed = server("daemon")
    assert killed is not None

    os.kill(killed.pid, signal.SIGKILL)

    eventually("another daemon runs", lambda: (found := server("daemon")) is not None and found != killed)
    assert recorded(platform, run)[0] == "STARTED"
    kill_run(platform, run)
    eventually("the new daemon marks the run as failed", lambda: recorded(platform, run)[0] == "FAILURE")


@pytest.mark.large
def test_a_run_that_is_started_twice_runs_once_at_a_time(platform: Settings, address: str, probe: Probe) -> None:
    probe.clear()
    given = {"log": str(probe.log), "mode": "sleep"}
    first = launch(address, "probe", given)
    probe.wait_for("second")
    second = launch(address, "probe", {**given, "mode": "good"})

    code, _, err = probe.run()
    assert (code, "SL1302" in err, first in err) == (1, True, True), err
    assert recorded(platform, second)[0] in ("QUEUED", "NOT_STARTED")
    assert probe.steps() == []

    kill_run(platform, first)
    eventually("the run that waits has run", lambda: recorded(platform, second)[0] == "SUCCESS")
    assert probe.steps() == ["first", "second"]


@pytest.mark.large
def test_a_run_whose_records_are_away_for_a_while_ends_and_the_servers_go_on(
    platform: Settings, address: str, probe: Probe
) -> None:
    probe.clear()
    run = launch(address, "probe", {"log": str(probe.log), "mode": "wait"})
    probe.wait_for("second")

    with dead("postgres"):
        probe.go()
        time.sleep(AWAY_S)

    eventually("the run has ended", lambda: recorded(platform, run)[0] in ("SUCCESS", "FAILURE"))
    eventually("all servers run", lambda: all(map(server, SERVERS)))
    probe.clear()
    eventually("a run can be started", lambda: _launched(address, probe))
    eventually("it has run", lambda: probe.steps() == ["first", "second"])


def _launched(address: str, probe: Probe) -> bool:
    try:
        launch(address, "probe", {"log": str(probe.log), "mode": "good"})
    except (OSError, AssertionError, KeyError, TypeError):  # it does not answer yet, or with an error
        return False
    return True
