"""Whole commands give the same result in a hostile shell (`tests/hostile_environment.py`) as in an empty one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from shoplake.settings import Settings
from tests.hostile_environment import HOSTILE
from tests.own_stack import without_aws

TIMEOUT_S = 170
VARYING = re.compile("seconds|bytes|_s$|no_proxy", re.IGNORECASE)


def run(*arguments: str, hostile: bool = True) -> subprocess.CompletedProcess[str]:
    """A command as a user starts it, isolated (-I) as the launcher does."""
    plain = {name: value for name, value in without_aws(os.environ).items() if name not in HOSTILE}
    return subprocess.run(
        [sys.executable, "-I", "-m", "shoplake.cli.main", *arguments],
        env={**plain, **HOSTILE} if hostile else plain,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


@pytest.fixture(scope="module")
def more(loaded_stack: Settings) -> Settings:
    """The stack with some more events, published and streamed by commands in the hostile shell."""
    for command in (
        ("up",),
        ("generate", "--events", "21000", "--seed", "11"),
        ("stream", "--until-caught-up"),
    ):
        done = run(*command)
        assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return loaded_stack


@pytest.mark.parametrize("command", ["env", "lag", "status"])
def test_a_command_prints_the_same_as_in_a_clean_shell(more: Settings, command: str) -> None:
    clean, hostile = run(command, "--json", hostile=False), run(command, "--json")

    assert hostile.returncode == clean.returncode == 0, hostile.stderr + clean.stderr
    found, wanted = (timeless(json.loads(done.stdout)) for done in (hostile, clean))
    assert found == wanted


@pytest.mark.parametrize(
    "command",
    [
        ("dlq", "list"),
        ("migrate",),
        ("plan", "local"),
        ("lake", "maintain", "--dry-run"),
        ("contract", "check"),
        ("scenario", "check", "demo"),
    ],
    ids=" ".join,
)
def test_a_command_succeeds(more: Settings, command: tuple[str, ...]) -> None:
    done = run(*command)

    assert done.returncode == 0, done.stderr


def test_rebuild_changes_only_the_store_of_its_own_stack(more: Settings) -> None:
    assert run("rebuild", "dynamodb").returncode == 0

    verified = run("verify", "--json")

    assert verified.returncode == 0, verified.stderr


def test_env_removes_the_credentials_of_other_accounts_from_a_shell(more: Settings) -> None:
    script = 'eval "$1"; env'
    printed = run("env").stdout

    left = subprocess.run(
        ["sh", "-c", script, "sh", printed],
        env=HOSTILE | {"LD_PRELOAD": "", "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    found = dict(line.split("=", 1) for line in left.splitlines() if "=" in line)
    wanted = json.loads(run("env", "--json").stdout)
    assert {name: value for name, value in found.items() if name.startswith("AWS_")} == {
        name: value for name, value in wanted.items() if name.startswith("AWS_")
    }
    assert not {"TF_CLI_ARGS", "TF_CLI_ARGS_plan", "TF_REATTACH_PROVIDERS", "TF_VAR_environment"} & found.keys()
    assert "127.0.0.1" in found["no_proxy"].split(",")


def timeless(part: object) -> object:
    """JSON without durations, memory, and the hosts that a shell with a proxy has to reach without it."""
    if isinstance(part, dict):
        return {name: timeless(value) for name, value in part.items() if not VARYING.search(name)}
    return [timeless(one) for one in part] if isinstance(part, list) else part
