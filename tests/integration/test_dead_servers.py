"""One server of the stack is dead: commands that do not use it work, the others name it and what to do."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys

import pytest

from shoplake import paths
from shoplake.settings import Settings
from shoplake.stack import process
from shoplake.streaming.lag import lags
from tests.integration.dead_server import dead

pytestmark = [pytest.mark.stack, pytest.mark.fault]

TIMEOUT_S = 120
NOT_RUNNING = "is not running: it died"


def shoplake(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "shoplake.cli.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )


def holds(done: subprocess.CompletedProcess[str], code: int) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_a_dead_store_stops_only_the_commands_that_use_it(loaded_stack: Settings) -> None:
    with dead("valkey"):
        for works in (
            ["env"],
            ["dlq", "list"],
            ["generate", "--seed", "77", "--events", "1000"],
            ["stream", "--sinks", "postgres,mongo", "--until-caught-up"],
            ["verify", "--stores", "postgres,dead_letters"],
            ["lake", "maintain", "--dry-run"],
            ["migrate", "local"],
            ["plan", "local"],
        ):
            holds(shoplake(*works), 0)
        for needs in (
            ["verify", "--stores", "redis"],
            ["stream", "--sinks", "redis"],
            ["rebuild", "redis"],
            ["verify"],
        ):
            done = shoplake(*needs)
            holds(done, 1)
            assert done.stderr.startswith(f"error SL0204: valkey {NOT_RUNNING}\n  what to do: `shoplake up`")
        doctor = shoplake("doctor", "--json")
        holds(doctor, 1)
        assert "valkey crashed" in doctor.stdout
        lag = shoplake("lag", "--json")
        holds(lag, 1)
        told = json.loads(lag.stdout)
        assert [name for name, store in told.items() if store.get("problem")] == ["redis"]


@pytest.mark.parametrize("server", ["postgres", "mongo"])
def test_lag_names_only_the_dead_store(loaded_stack: Settings, server: str) -> None:
    with dead(server):
        lag = shoplake("lag", "--json")
        holds(lag, 1)
        assert [name for name, store in json.loads(lag.stdout).items() if store.get("problem")] == [server]


def test_a_slow_store_is_reported_as_slow(loaded_stack: Settings) -> None:
    running = process.find(paths.home() / "run" / "valkey" / "pid")
    assert running
    os.kill(running.pid, signal.SIGSTOP)
    try:
        (redis, postgres) = asyncio.run(lags(loaded_stack, ["redis", "postgres"], within_s=1.0))
        assert (redis.problem, postgres.problem) == ("no answer within 1 s", "")
    finally:
        os.kill(running.pid, signal.SIGCONT)


def test_commands_that_need_only_kafka_work_without_the_emulator(loaded_stack: Settings) -> None:
    with dead("ministack"):
        holds(shoplake("dlq", "list"), 0)
        holds(shoplake("generate", "--seed", "77", "--events", "1100"), 0)
        for needs in (["env"], ["lag"], ["verify", "--stores", "log"], ["plan", "local"]):
            done = shoplake(*needs)
            holds(done, 1)
            assert f"ministack {NOT_RUNNING}" in done.stderr


def test_commands_that_need_the_log_name_a_dead_kafka(loaded_stack: Settings) -> None:
    with dead("kafka"):
        holds(shoplake("env"), 0)
        holds(shoplake("lake", "maintain", "--dry-run"), 0)
        for needs in (
            ["lag"],
            ["dlq", "list"],
            ["generate", "--events", "5"],
            ["verify"],
            ["stream"],
            ["rebuild", "mongo"],
        ):
            done = shoplake(*needs)
            holds(done, 1)
            assert done.stderr.startswith(f"error SL0204: kafka {NOT_RUNNING}")
