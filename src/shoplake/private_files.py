"""Create files and folders that only their owner can read. All files of a stack are created here."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER_MODE, FILE_MODE = 0o700, 0o600
WALK_THROUGH = 0o010
UMASK = 0o077
"""The umask of every process that we start: only the owner can read its files, whatever umask the shell has."""


def folder(path: Path) -> Path:
    """Create a private folder with its missing parents; if it exists, take permissions away from group and others.

    Existing parents, and a folder of another owner, are not changed.
    """
    missing = [one for one in (path, *path.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=FOLDER_MODE, exist_ok=True)
    close(path)
    return path


def close(path: Path) -> None:
    """Take permissions away from group and others, if the file or folder is ours.

    A folder that a group may enter but not read is not changed: `stack/server_user.py` made it so.
    """
    found = path.stat()
    if found.st_mode & (UMASK & ~WALK_THROUGH) and found.st_uid == os.geteuid():
        path.chmod(found.st_mode & 0o700)


def write(path: Path, content: bytes) -> None:
    """Replace a file atomically: a reader sees either the old or the new content."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def opener(path: str, flags: int) -> int:
    """An opener for `open(…, opener=…)`: only the owner can read the file, even if it had wider permissions before."""
    descriptor = os.open(path, flags, FILE_MODE)
    found = os.fstat(descriptor)
    if found.st_mode & UMASK and found.st_uid == os.geteuid():
        os.fchmod(descriptor, found.st_mode & 0o700)
    return descriptor
