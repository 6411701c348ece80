"""Values that the shell completes, as bash asks for them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from shoplake.cli.main import app


def completed(line: str, home: Path) -> list[str]:
    """What bash offers at the end of a line."""
    words = line.split(" ")
    environment = {"_SHOPLAKE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "shoplake.cli.main"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | environment | {"SHOPLAKE_HOME": str(home)},
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_values(tmp_path: Path) -> None:
    assert completed("shoplake apply ", tmp_path) == ["local", "dev", "staging", "prod"]
    assert completed("shoplake stream --sinks lake,po", tmp_path) == ["lake,postgres"]


@pytest.mark.parametrize(
    ("command", "parameter", "typed", "expected"),
    [
        ("stream", "environment", "st", ["staging"]),
        ("verify", "stores", "log,dead", ["log,dead_letters"]),
        ("generate", "scenario", "dirty", ["dirty-data"]),
        ("logs", "service", "stre", ["stream"]),
        ("stop", "names", "gen", ["generate"]),
        ("rebuild", "store", "l", []),
        ("rebuild", "store", "re", ["redis"]),
        ("bench", "only", "verif", ["verify"]),
        ("query", "store", "l", ["lake"]),
        ("dlq list", "topic", "ord", ["orders"]),
        ("metrics query", "metric", "conv", ["conversion"]),
        ("connect", "store", "mo", ["mongo"]),
    ],
)
def test_values_of_a_parameter(command: str, parameter: str, typed: str, expected: list[str]) -> None:
    name, *subcommands = command.split()
    found = typer.main.get_command(app).get_command(None, name)
    for subcommand in subcommands:
        found = found.commands[subcommand]
    (wanted,) = [one for one in found.params if one.name == parameter]
    assert [item.value for item in wanted.shell_complete(None, typed)] == expected
