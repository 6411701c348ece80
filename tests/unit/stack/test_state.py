from __future__ import annotations

import socket
import stat
import threading
from pathlib import Path

import pytest

from shoplake.errors import PortTaken, StackError, UsageError
from shoplake.stack.state import EPHEMERAL, PORT_BASE, PORTS, is_free, load, load_or_create, lock


def test_ports_and_passwords_are_kept(tmp_path: Path) -> None:
    assert load_or_create(tmp_path) == load_or_create(tmp_path)


def test_only_the_owner_can_read_the_passwords(tmp_path: Path) -> None:
    load_or_create(tmp_path)
    assert stat.S_IMODE((tmp_path / "stack.json").stat().st_mode) == 0o600


def test_no_port_is_one_that_the_kernel_gives_to_outgoing_connections(tmp_path: Path) -> None:
    ports = load_or_create(tmp_path).ports
    assert set(ports) == set(PORTS)
    assert len(set(ports.values())) == len(PORTS)
    assert max(ports.values()) < int(EPHEMERAL.read_text().split()[0])


def test_ports_from_a_base_are_the_same_for_every_new_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = free_run(len(PORTS))
    monkeypatch.setenv(PORT_BASE, str(base))
    wanted = {name: base + place for place, name in enumerate(PORTS)}
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        assert load_or_create(tmp_path / name).ports == wanted
    assert load_or_create(tmp_path / "first").ports == wanted


def test_a_port_of_the_base_that_is_taken_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = free_run(len(PORTS))
    monkeypatch.setenv(PORT_BASE, str(base))
    with socket.create_server(("127.0.0.1", base + 2)), pytest.raises(PortTaken, match=rf"{base + 2} \({PORTS[2]}\)"):
        load_or_create(tmp_path)
    assert load(tmp_path) is None


@pytest.mark.parametrize("text", ["80", "65535", "abc", "-1", "20000.5"])
def test_a_base_that_is_no_port_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(PORT_BASE, text)
    with pytest.raises(UsageError, match="expected a port from 1024 to"):
        load_or_create(tmp_path)


def test_a_stack_with_other_ports_is_not_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_or_create(tmp_path)
    monkeypatch.setenv(PORT_BASE, str(free_run(len(PORTS))))
    with pytest.raises(UsageError, match="this stack has other ports: kafka") as refused:
        load_or_create(tmp_path)
    assert "down --purge" in refused.value.fix


def free_run(count: int) -> int:
    """The first of so many ports in a row that nobody uses."""
    return next(base for base in range(21_000, 60_000, count) if all(is_free(base + n) for n in range(count)))


def test_a_home_without_a_stack_has_no_state(tmp_path: Path) -> None:
    assert load(tmp_path / "nowhere") is None


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'{"ports": 3}'])
def test_a_broken_state_file_is_an_error_that_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "stack.json").write_bytes(content)
    with pytest.raises(StackError, match="down --purge"):
        load(tmp_path)


def test_a_home_that_held_other_things_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").touch()
    assert not load_or_create(tmp_path).alone


def test_a_home_of_our_own_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "uv").mkdir()
    assert load_or_create(tmp_path).alone


def test_a_second_command_waits_for_the_first(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with lock(tmp_path, order.append):
            order.append("second")

    with lock(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        while not order:  # until it has said that it waits
            thread.join(0.01)
        order.append("first")
    thread.join(5)
    assert order == ["another command is using this stack; waiting for it", "first", "second"]


def test_a_lock_after_a_purge_is_on_the_new_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    said: list[str] = []
    locked_file_exists: list[bool] = []

    def second() -> None:
        with lock(home, said.append):
            locked_file_exists.append((home / ".lock").exists())

    with lock(home):
        thread = threading.Thread(target=second)
        thread.start()
        while not said:
            thread.join(0.01)
        (home / ".lock").unlink()
        home.rmdir()
    thread.join(5)
    assert locked_file_exists == [True]
