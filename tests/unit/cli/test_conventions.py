"""What every command keeps to: help with an example, exit codes, where output goes, colour, zones."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from docgen.commands import EXAMPLE, each_command
from shoplake.cli import timestamps

COLOUR = re.compile(rb"\x1b\[[0-9;]*(?:[349][0-7]|[34]8)[;m]")
COMMANDS = dict(each_command())


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "shoplake.cli.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | environment,
    )


def on_a_terminal(*arguments: str, **environment: str) -> bytes:
    """What a command writes to a terminal."""
    ours, theirs = pty.openpty()
    child = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm-256color"} | environment
    with subprocess.Popen([sys.executable, "-m", "shoplake.cli.main", *arguments], stdout=theirs, env=child) as process:
        os.close(theirs)
        written = b""
        try:
            while part := os.read(ours, 65536):
                written += part
        except OSError:  # the child has closed its end
            pass
        process.wait(timeout=60)
    os.close(ours)
    return written


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if not hasattr(command, "commands")])
def test_every_command_has_an_example_of_itself_in_its_help(name: str) -> None:
    _, marker, example = COMMANDS[name].help.partition(EXAMPLE)
    assert marker, f"end the docstring of `{name}` with `{EXAMPLE}{name} …`"
    assert name.replace("-", " ") in example.replace("-", " ")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_description(name: str) -> None:
    silent = [each.name for each in COMMANDS[name].params if not getattr(each, "help", None) and each.name != "help"]
    assert not silent


def test_version_names_the_build() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert re.match(r"shoplake \d+\.\d+\.\d+\S* \((build [0-9a-f]{7,}\S*, )?Python 3\.\d+\.\d+", done.stdout)


@pytest.mark.parametrize("wrong", [["nonsense"], ["demo", "--nonsense"], ["plan"], ["plan", "nowhere"]])
def test_wrong_usage_ends_with_two_and_says_so_on_stderr(wrong: list[str]) -> None:
    done = run(*wrong)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr


def test_json_is_all_that_is_on_stdout() -> None:
    done = run("contract", "check", "--json")
    assert json.loads(done.stdout) == {"changes": []}


def test_colour_is_for_terminals_and_for_those_who_want_it() -> None:
    assert COLOUR.search(on_a_terminal("--help"))
    assert not COLOUR.search(on_a_terminal("--help", NO_COLOR="1"))
    assert not COLOUR.search(run("--help").stdout.encode())


def test_the_shell_completes_commands() -> None:
    program = Path(sys.executable).with_name("shoplake")
    asked = {"_SHOPLAKE_COMPLETE": "complete_bash", "COMP_WORDS": "shoplake de", "COMP_CWORD": "1"}
    done = subprocess.run([program], capture_output=True, text=True, check=False, timeout=60, env=os.environ | asked)
    assert "demo" in done.stdout.split()
    assert "--install-completion" in run("--help").stdout


def test_terminals_get_the_local_zone_and_scripts_get_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert timestamps.local(1_718_000_000_000) == "2024-06-10 15:13:20 JST"
        assert timestamps.utc(1_718_000_000_000) == "2024-06-10T06:13:20.000Z"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("ms", [2**62, -(2**62), 2**63 - 1, -(2**63), 253_402_300_799_999, -62_135_596_800_000])
def test_a_time_outside_the_calendar_is_shown_as_a_number(ms: int) -> None:
    assert timestamps.utc(ms) == timestamps.local(ms) == f"{ms} ms"


def test_doctor_names_the_runbook_of_each_problem(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text("not what a stack writes")
    done = run("doctor", SHOPLAKE_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "docs/runbooks.md#home" in done.stdout
