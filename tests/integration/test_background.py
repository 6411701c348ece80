"""Commands in the background: found by `status`, stopped by `stop`, and continued by the next run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from shoplake import background, paths
from shoplake.settings import Settings
from shoplake.stack import process

pytestmark = pytest.mark.stack

TIMEOUT_S = 120
SEED = "970001"


def shoplake(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shoplake.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


@pytest.fixture(autouse=True)
def nothing_left(platform: Settings) -> Iterator[None]:
    yield
    for name in background.COMMANDS:
        background.stop(name)


def test_a_publisher_in_the_background_is_stopped_and_the_next_run_publishes_the_rest() -> None:
    arguments = ("generate", "--seed", SEED, "--events", "3000")
    started = shoplake(*arguments, "--rate", "100", "--detach")
    assert started.returncode == 0, started.stderr
    found = background.look("generate")
    assert found is not None
    assert found.state == "running"
    assert f"pid {found.pid}" in started.stdout
    assert "shoplake logs -f generate" in started.stdout

    second = shoplake(*arguments, "-d")
    assert second.returncode == 2
    assert f"already runs in the background (pid {found.pid})" in second.stderr
    assert json.loads(shoplake("status", "--json").stdout)["background"]["generate"]["pid"] == found.pid

    stopped = shoplake("stop", "--json")
    assert json.loads(stopped.stdout) == {"stopped": ["generate"]}
    assert background.look("generate") is None
    assert "interrupted" in shoplake("logs", "generate").stdout

    done = json.loads(shoplake(*arguments, "--json").stdout)
    assert done["events"] == 3000
    assert 0 < done["published"] <= 3000

    again = json.loads(shoplake(*arguments, "-d", "--json").stdout)
    eventually(lambda: (now := background.look("generate")) is not None and now.state == "ended")
    assert again["name"] == "generate"


def test_a_stream_that_was_killed_is_reported_and_can_be_started_again() -> None:
    command = ("stream", "--sinks", "redis", "--no-dead-letters", "-d", "--json")
    first = json.loads(shoplake(*command).stdout)
    assert first["state"] == "running"
    for pid in process.family(first["pid"]):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: (now := background.look("stream")) is not None and now.state == "crashed")
    assert "crashed" in shoplake("status").stdout

    second = json.loads(shoplake(*command).stdout)
    assert second["state"] == "running"
    assert second["pid"] != first["pid"]
    assert shoplake("stop", "stream").stdout == "stopped stream\n"
    assert process.find(paths.home() / "run" / "stream" / "pid") is None


def test_a_start_that_fails_shows_its_error_and_leaves_nothing() -> None:
    refused = shoplake("stream", "--environment", "nowhere", "-d")
    assert refused.returncode == 1
    assert "SL0205" in refused.stderr
    assert "nowhere" in refused.stderr
    assert background.look("stream") is None
    assert shoplake("stop").stdout == "nothing ran in the background\n"


@pytest.mark.parametrize("arguments", [("stop", "kafka"), ("generate", "-d", "--dry-run")])
def test_wrong_usage_is_refused(arguments: tuple[str, ...]) -> None:
    assert shoplake(*arguments).returncode == 2
