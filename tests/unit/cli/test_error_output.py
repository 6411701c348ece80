"""Every refusal looks alike: code, expected and found, what to do, the page; and says no more than that."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from shoplake import library_logs, settings
from shoplake.cli.main import main
from shoplake.errors import NotApplied

COMMAND = [sys.executable, "-m", "shoplake.cli.main"]


class Done(NamedTuple):
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the program in this process, with a home of its own and nobody at the keyboard."""
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(library_logs, "to_file", lambda _: None)
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["shoplake", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Done(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (["nonsense"], "SL0107", "no such command 'nonsense'"),
        (["generate", "--nonsense"], "SL0107", "no such option: --nonsense"),
        (["generate", "--events", "many"], "SL0107", "invalid value for '--events'"),
        (["plan"], "SL0107", "missing argument 'environment'"),
        (["plan", "nowhere"], "SL0104", "unknown environment 'nowhere'"),
        (["generate", "--rate", "quick"], "SL0101", "--rate: expected a rate"),
        (["generate", "--speed", "quick"], "SL0101", "--speed: expected a speed"),
        (["generate", "--start", "tomorrow"], "SL0101", "--start: expected a date"),
        (["generate", "--topics", "clikcs"], "SL0104", "--topics: expected topics"),
        (["generate", "--engine", "flink"], "SL0101", "--engine: expected one of"),
        (["generate", "--scenario", "demmo"], "SL0105", "did you mean `demo`?"),
        (["scenario", "check", "demmo"], "SL0105", "scenario 'demmo' has 1 mistake:"),
        (["dlq", "list", "--since", "soon"], "SL0101", "--since: expected a time"),
        (["dlq", "list", "--until", "soon"], "SL0101", "--until: expected a time"),
        (["dlq", "replay", "--set", "foo"], "SL0101", "--set: expected `path=value`, found 'foo'"),
        (["dlq", "replay", "--rename", "foo"], "SL0101", "--rename: expected `path=value`, found 'foo'"),
        (["dlq", "list", "--topic", "nosuch"], "SL0104", "there is no topic 'nosuch'"),
        (["stream", "--sinks", "nosuch"], "SL0104", "there is no sink 'nosuch'"),
        (["verify", "--stores", "nosuch"], "SL0104", "there is no store 'nosuch'"),
        (["rebuild", "lake"], "SL0104", "'lake' cannot be rebuilt: the others are rebuilt from it"),
        (["rebuild", "redis", "--from", "nowhere"], "SL0101", "expected --from"),
        (["logs", "oracle"], "SL0104", "there is no server 'oracle'"),
    ],
)
def test_an_error_has_a_code_what_to_do_and_a_page(run: Run, arguments: list[str], code: str, what: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    first, *_, last = done.stderr.splitlines()
    assert first.startswith(f"error {code}: ")
    assert what in done.stderr
    assert "\n  what to do: " in done.stderr
    assert last.startswith("  about it: ")
    assert last.endswith(f"#{code.lower()}")


@pytest.mark.parametrize(
    "arguments",
    [["lag"], ["env"], ["verify"], ["stream"], ["dlq", "list"], ["generate"], ["healthy"], ["rebuild", "redis"]],
)
def test_without_a_stack_a_command_fails_with_one_error_and_what_to_do(run: Run, arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("error SL") == 1
    assert "shoplake up" in done.stderr or "shoplake stream" in done.stderr


def test_a_group_without_a_command_shows_its_help(run: Run) -> None:
    done = run("dlq")
    assert done.returncode == 2
    assert "replay" in done.stdout + done.stderr
    assert "error SL" not in done.stderr


def test_a_destroyed_environment_is_reported_as_not_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "_parameters", lambda _: {})
    monkeypatch.setattr(settings, "_secret", lambda _: {})
    with pytest.raises(NotApplied) as error:
        settings.load("local")
    assert str(error.value).splitlines() == [
        "environment 'local' has not been applied: it has no settings",
        "  what to do: run `shoplake apply local`",
    ]


def answer(home: Path, said: bytes, *arguments: str) -> tuple[int, str]:
    """The exit code of a command on a terminal, on which somebody types, and what it wrote there."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"SHOPLAKE_HOME": str(home)}
    with subprocess.Popen(
        [*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as command:
        os.close(theirs)
        os.write(ours, said)
        written = b""
        try:
            while part := os.read(ours, 65536):
                written += part
        except OSError:  # the command has closed its end
            pass
        command.wait(timeout=60)
    os.close(ours)
    return command.returncode, written.decode()


@pytest.mark.parametrize(
    ("arguments", "lost"),
    [
        (["down", "--purge"], "This deletes the stack at"),
        (["destroy", "local"], "This deletes 'local'"),
        (["rebuild", "redis"], "This empties redis of 'local'"),
    ],
)
def test_destructive_commands_ask_on_a_terminal(tmp_path: Path, arguments: list[str], lost: str) -> None:
    (tmp_path / "stack.json").write_text("{")
    code, written = answer(tmp_path, b"n\n", *arguments)
    assert code == 1
    assert lost in " ".join(written.split())
    assert "nothing was changed" in written
    assert (tmp_path / "stack.json").exists()


@pytest.mark.parametrize("said", [["--yes"], ["-y"], []])
def test_destructive_commands_do_not_ask_in_scripts(tmp_path: Path, run: Run, said: list[str]) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "stack.json").write_text("{")
    if said:
        assert answer(home, b"", "down", "--purge", *said)[0] == 0
    else:
        assert run("down", "--purge").returncode == 0
    assert not home.exists()
