"""`--stack compose`: the servers in containers, the program on the host, on each emulator from nothing to nothing."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.own_stack import without_aws

from shoplake.stack import compose

from .containers import compose_files
from .shell import Shell

pytestmark = pytest.mark.stack

EVENTS = 6_000  # the first visits come after 4,700
STORES = {"log", "lake", "postgres", "dynamodb", "mongo", "redis", "dead_letters"}


# `test_containers` runs LocalStack in containers at every tier.
@pytest.fixture(scope="module", params=["ministack", pytest.param("localstack", marks=pytest.mark.large)])
def emulator(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def shell(emulator: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    inherited = without_aws(os.environ)
    files, values = compose_files()
    values |= {"COMPOSE_FILE": ":".join(files), "SHOPLAKE_HOME": str(tmp_path_factory.mktemp(emulator) / "home")}
    found = Shell(inherited | values)
    try:
        yield found
    finally:
        found.run("down", "--purge")


@pytest.fixture(scope="module")
def demo(shell: Shell, emulator: str) -> Any:
    return shell.json("demo", "--stack", "compose", "--emulator", emulator, "--events", str(EVENTS))


def test_every_store_is_exact(demo: Any) -> None:
    assert demo["ok"], demo["stores"]
    assert demo["stores"].keys() == STORES
    assert demo["stores"]["log"]["found"] == EVENTS


@pytest.mark.usefixtures("demo")
def test_status_tells_of_each_container(shell: Shell, emulator: str) -> None:
    servers = shell.json("status")["servers"]

    assert servers.keys() == {*compose.SERVERS, emulator}
    assert {server["state"] for server in servers.values()} == {"running"}
    assert all(server["rss_bytes"] > 1_000_000 for server in servers.values())


@pytest.mark.usefixtures("demo")
def test_logs_are_the_containers_own(shell: Shell) -> None:
    assert "ready to accept connections" in shell.run("logs", "postgres", "--lines", "200").stdout


@pytest.mark.usefixtures("demo")
def test_a_stack_goes_on_where_it_stood_after_down_and_up(shell: Shell, emulator: str) -> None:
    shell.run("down")
    found = shell.json("demo", "--events", str(EVENTS))

    assert found["ok"], found["stores"]
    assert found["stores"]["log"]["found"] == 2 * EVENTS


@pytest.mark.usefixtures("demo")
def test_purge_leaves_no_container_volume_or_network(shell: Shell) -> None:
    known = Path(shell.environment["SHOPLAKE_HOME"]) / "compose.json"
    project = json.loads(known.read_text())["project"]
    label = f"label=com.docker.compose.project={project}"

    assert shell.run("down", "--purge").returncode == 0

    for kind in (["ps", "--all"], ["volume", "ls"], ["network", "ls"]):
        assert subprocess.check_output(["docker", *kind, "--quiet", "--filter", label], text=True) == ""
    assert not known.exists()
