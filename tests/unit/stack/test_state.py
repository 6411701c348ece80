from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from shoplake.errors import StackError
from shoplake.stack.state import EPHEMERAL, PORTS, load, load_or_create, lock


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
