"""Nothing that a stack keeps can be read by another user of the machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from shoplake import paths
from shoplake.settings import Settings

# What a group may walk through, and not read: where we are root, Postgres runs as another account, whose data is below.
PASSAGES = {Path(), Path("data"), Path("run")}


def open_to_others(home: Path) -> Iterator[str]:
    """Each file and folder of a home that group or others can do anything with, but for the passages of root's."""
    for path in (home, *home.rglob("*")):
        found = path.lstat()
        allowed = 0o010 if os.geteuid() == 0 and path.relative_to(home) in PASSAGES else 0
        if not stat.S_ISLNK(found.st_mode) and found.st_mode & 0o077 & ~allowed:
            yield f"{stat.filemode(found.st_mode)} {path.relative_to(home)}"


def test_other_users_can_open_no_file_or_folder_of_a_stack(loaded_stack: Settings) -> None:
    home = paths.home()

    assert (home / "terraform" / "local" / "terraform.tfstate").is_file()
    assert list(open_to_others(home)) == []


def test_no_command_line_of_a_stack_holds_a_password(loaded_stack: Settings) -> None:
    secrets = [loaded_stack.postgres.password, loaded_stack.redis.password]
    texts = {secret.get_secret_value().encode() for secret in secrets}

    lines = b"".join(_command_line(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit())

    assert not [text for text in texts if text in lines]


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
