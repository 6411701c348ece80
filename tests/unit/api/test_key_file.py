"""The API key: made once, readable by its owner only, and compared by digest."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from shoplake.api import key_file
from shoplake.api.keys import LONGEST_KEY, KeyCheck


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_the_key_is_made_once_and_only_its_owner_reads_it() -> None:
    key = key_file.load()
    assert key == key_file.load()
    assert len(key) >= 43
    assert stat.S_IMODE(key_file.path().stat().st_mode) == 0o600


def test_permissions_of_others_are_taken_away() -> None:
    key_file.load()
    key_file.path().chmod(0o644)
    key_file.load()
    assert stat.S_IMODE(key_file.path().stat().st_mode) == 0o600


@pytest.mark.parametrize("wrong", ["", "x", "the-ke", "the-keyy", "the-key\ud800", "k" * (LONGEST_KEY + 1)])
def test_another_key_is_nobody(wrong: str) -> None:
    check = KeyCheck.of("the-key")
    assert check.principal(wrong) is None
    assert check.principal("the-key") is not None


def test_the_check_does_not_hold_the_key() -> None:
    assert b"the-key" not in repr(KeyCheck.of("the-key")).encode()
