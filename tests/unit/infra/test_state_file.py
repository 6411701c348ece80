"""The state file as killed and living Terraforms leave it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoplake.infra import state_file

# As Terraform's local backend does: a lock of the whole file, by the process.
HOLDER = """
import fcntl, sys
state = open(sys.argv[1], "r+b")
fcntl.lockf(state, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.readline()
state.write(b'{"serial": 2}')
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the lock on an empty state, and writes it when it is told to."""
    path = tmp_path / "terraform.tfstate"
    path.touch()
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
    finally:
        process.kill()
        process.wait(10)


def quiet(_: str) -> None:
    pass


def test_a_state_is_read_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "terraform.tfstate"
    path.write_text('{"serial": 1}')
    assert state_file.read(path, quiet) == {"serial": 1}
    assert path.read_text() == '{"serial": 1}'


def test_before_the_first_apply_there_is_none_and_none_is_made(tmp_path: Path) -> None:
    assert state_file.read(tmp_path / "terraform.tfstate", quiet) == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("left", [b"", b'{"version": 4, "resou', b"\x00\x00\x00"])
def test_what_a_killed_terraform_half_wrote_is_put_aside(tmp_path: Path, left: bytes) -> None:
    path, said = tmp_path / "terraform.tfstate", []
    path.write_bytes(left)
    assert state_file.read(path, said.append) == {}
    assert [entry.name for entry in tmp_path.iterdir()] == ["terraform.broken"]
    assert (tmp_path / "terraform.broken").read_bytes() == left
    assert "terraform.broken" in said[0]


def test_a_state_that_is_being_written_is_waited_for(holder: subprocess.Popen[bytes], tmp_path: Path) -> None:
    assert holder.stdin is not None
    holder.stdin.write(b"\n")
    holder.stdin.flush()
    assert state_file.read(tmp_path / "terraform.tfstate", quiet) == {"serial": 2}


@pytest.mark.usefixtures("holder")
def test_a_state_that_stays_held_is_left_to_terraform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_file, "LOCK_TIMEOUT_S", 0.2)
    assert state_file.read(tmp_path / "terraform.tfstate", quiet) == {}
    assert [entry.name for entry in tmp_path.iterdir()] == ["terraform.tfstate"]
