from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from shoplake import stack
from shoplake.errors import StackError, StackNotRunning, UsageError
from shoplake.stack import process
from shoplake.stack.doctor import checks
from shoplake.stack.state import load_or_create


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("SHOPLAKE_HOME", str(home))
    return home


def a_stopped_stack(home: Path) -> None:
    load_or_create(home)
    (home / "data" / "kafka").mkdir(parents=True)


def run_as(home: Path, server: str, pid: int) -> None:
    """Make a process pass for a server."""
    (home / "run" / server).mkdir(parents=True)
    started = process.start_time(pid) or 1
    (home / "run" / server / "pid").write_text(f"{pid} {started}")


def test_up_refuses_an_endpoint_that_is_not_an_emulator(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        monkeypatch.setenv("SHOPLAKE_AWS_ENDPOINT", f"http://127.0.0.1:{bound.getsockname()[1]}")
        with pytest.raises(StackNotRunning, match="no AWS emulator answers"):
            stack.up()
    assert not (home / "stack.json").exists()


def test_a_stack_does_not_move_to_another_emulator(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    a_stopped_stack(home)
    monkeypatch.setenv("SHOPLAKE_AWS_ENDPOINT", "http://127.0.0.1:4566")
    with pytest.raises(StackError, match="SHOPLAKE_AWS_ENDPOINT is http") as error:
        stack.up()
    assert "down --purge" in error.value.fix


def test_an_external_emulator_replaces_ministack(home: Path) -> None:
    home.mkdir()
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        load_or_create(home, f"http://127.0.0.1:{port}")
        *stores, aws = stack.status().servers
    assert "ministack" not in {server.name for server in stores}
    assert (aws.state, aws.port, aws.pid) == ("silent", port, None)


@pytest.mark.parametrize("question", [stack.status, stack.connections, stack.environment])
def test_without_a_stack_commands_say_how_to_start_one(home: Path, question: object) -> None:
    with pytest.raises(StackNotRunning, match="shoplake up"):
        question()  # type: ignore[operator]


def test_a_stopped_stack_is_not_reported_as_crashed(home: Path) -> None:
    home.mkdir()
    a_stopped_stack(home)
    assert {server.state for server in stack.status().servers} == {"stopped"}
    with pytest.raises(StackNotRunning, match="kafka is not running"):
        stack.connections()


def test_only_the_servers_that_are_asked_for_have_to_run(home: Path) -> None:
    home.mkdir()
    a_stopped_stack(home)
    run_as(home, "kafka", os.getpid())
    assert stack.connections({"kafka"}).kafka_bootstrap_servers.startswith("127.0.0.1:")
    with pytest.raises(StackNotRunning, match="ministack is not running"):
        stack.environment()
    with pytest.raises(StackNotRunning, match="postgres is not running"):
        stack.connections({"kafka", "postgres"})


def test_a_dead_server_is_reported_with_what_to_do_before_its_log(home: Path) -> None:
    home.mkdir()
    a_stopped_stack(home)
    run_as(home, "valkey", 2**22 + 1)  # no such process
    (home / "run" / "valkey" / "wanted").touch()
    log = home / "logs" / "valkey.log"
    log.parent.mkdir()
    log.write_text(
        "\n".join(["# WARNING overcommit: a save may have failed", *map(str, range(30)), "Fatal: no space", "bye"])
    )
    with pytest.raises(StackNotRunning) as error:
        stack.connections({"valkey"})
    assert str(error.value).splitlines() == [
        "valkey is not running: it died",
        "  what to do: `shoplake up` starts it",
        "  the end of its log:",
        "    Fatal: no space",
    ]
    servers = next(check for check in checks() if check.name == "servers")
    assert "valkey crashed" in servers.found
    assert not servers.ok


def test_down_without_a_stack_makes_no_files(home: Path) -> None:
    stack.down()
    stack.purge()
    assert not home.exists()


def test_purge_removes_the_home_with_all_its_files(home: Path) -> None:
    home.mkdir()
    a_stopped_stack(home)
    (home / "anything").mkdir()
    stack.purge()
    assert not home.exists()


def test_purge_keeps_files_that_were_there_before_the_stack(home: Path) -> None:
    home.mkdir()
    (home / "thesis.doc").touch()
    a_stopped_stack(home)
    said: list[str] = []
    stack.purge(said.append)
    assert [entry.name for entry in home.iterdir()] == ["thesis.doc"]
    assert "thesis.doc" in said[-1]


def test_purge_removes_a_broken_state(home: Path) -> None:
    home.mkdir()
    (home / "stack.json").write_text("{")
    stack.purge()
    assert not home.exists()


def test_an_unknown_server_has_no_log(home: Path) -> None:
    with pytest.raises(UsageError, match="ministack"):
        stack.logs("oracle")


def test_up_refuses_a_disk_that_is_almost_full(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10 << 20))
    with pytest.raises(StackError, match="10 MB free"):
        stack.up()


def test_a_home_that_cannot_be_written_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(StackError, match="SHOPLAKE_HOME"):
        stack.up()


def test_passwords_are_not_printed(home: Path) -> None:
    home.mkdir()
    a_stopped_stack(home)
    secrets = json.loads((home / "stack.json").read_text())["passwords"].values()
    shown = str(stack.status())
    assert not any(secret in shown for secret in secrets)


def test_the_doctor_finds_every_server_and_changes_nothing(home: Path) -> None:
    found = {check.name: check for check in checks()}
    assert {"java", "postgres", "valkey", "mongo", "ministack"} <= found.keys()
    assert [check for check in found.values() if check.required and not check.ok] == []
    assert not home.exists()
