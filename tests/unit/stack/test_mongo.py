from __future__ import annotations

from pathlib import Path

import pytest

from shoplake.stack.mongo import MongoServer
from shoplake.stack.servers import Place
from shoplake.stack.state import load_or_create


@pytest.fixture
def place(tmp_path: Path) -> Place:
    home = tmp_path / "home"
    home.mkdir()
    return Place(home, "mongo", load_or_create(home))


@pytest.fixture
def mongod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    program = tmp_path / "mongod"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return str(program)


def test_a_mongod_on_the_path_is_preferred_and_listens_on_loopback_only(place: Place, mongod: str) -> None:
    program, *options = MongoServer().command(place)
    assert program == mongod
    assert options[:2] == ["--bind_ip", "127.0.0.1"]


def test_a_mongod_installed_later_does_not_hide_existing_data(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    MongoServer().prepare(place)
    request.getfixturevalue("mongod")
    assert "nx_27017.nx_27017" in MongoServer().command(place)


def test_a_stale_pid_file_does_not_block_a_start(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    MongoServer().prepare(place)
    left = Path(str(MongoServer().command(place)[-1]))
    left.write_text("1")
    MongoServer().prepare(place)
    assert not left.exists()
