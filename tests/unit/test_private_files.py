from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from shoplake import private_files
from shoplake.stack import server_user, state


@pytest.fixture(autouse=True)
def _generous_umask() -> object:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_new_folders_are_private_and_existing_parents_keep_their_mode(tmp_path: Path) -> None:
    above = tmp_path / "above"
    above.mkdir(0o755)

    private_files.folder(above / "home" / "run")

    assert (mode(above), mode(above / "home"), mode(above / "home" / "run")) == (0o755, 0o700, 0o700)


def test_files_and_folders_of_an_older_version_become_private(tmp_path: Path) -> None:
    folder, file = tmp_path / "logs", tmp_path / "logs" / "kafka.log"
    folder.mkdir(0o755)
    file.touch(0o644)

    with open(private_files.folder(folder) / file.name, "ab", opener=private_files.opener) as log:
        log.write(b"line\n")

    assert (mode(folder), mode(file)) == (0o700, 0o600)


def test_a_file_is_replaced_atomically_and_private(tmp_path: Path) -> None:
    file = tmp_path / "stack.json"
    file.write_text("a longer one that was readable")
    file.chmod(0o644)

    private_files.write(file, b"{}")

    assert (mode(file), file.read_bytes(), list(tmp_path.iterdir())) == (0o600, b"{}", [file])


def test_a_home_is_private_from_its_creation(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    (old / "data").mkdir(0o755, parents=True)

    for home in (new, old):
        with state.lock(home):
            assert mode(home) & 0o067 == 0


def test_a_folder_that_holds_other_things_keeps_its_mode(tmp_path: Path) -> None:
    home = tmp_path / "everything"
    home.mkdir(0o755)
    (home / "thesis.tex").touch()

    with state.lock(home):
        pass

    assert mode(home) == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another account")
def test_an_unprivileged_account_reaches_its_folder_when_started_by_root() -> None:
    with tempfile.TemporaryDirectory() as top:  # pytest's own lie below a folder that only root may enter
        Path(top).chmod(0o755)
        home = Path(top) / "home"
        for folder in (home, home / "data"):
            server_user.passage(folder)
        private_files.folder(home / "data")  # a later command that uses it
        server_user.give(home / "data" / "postgres", server_user.identity(home / "data"))

        found = server_user.identity(home / "data" / "postgres" / "cluster")

    assert found is not None
    assert found.capability is None
