"""Files and folders that only their owner can read, from their first moment. All that a stack keeps is made here."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER_MODE, FILE_MODE = 0o700, 0o600
WALK_THROUGH = 0o010
UMASK = 0o077
"""For every process that we start: what it writes is its owner's alone, whatever the caller's shell says."""


def folder(path: Path) -> Path:
    """The folder, made with all that is missing above it; one that is there already and open to others is closed.

    A folder above it that exists is left as it is. One of another owner cannot be closed, and is left as well.
    """
    missing = [one for one in (path, *path.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=FOLDER_MODE, exist_ok=True)
    close(path)
    return path


def close(path: Path) -> None:
    """Take away what group and others may do with a file or folder of ours.

    A folder that a group may walk through and not read was made so (`stack/server_user.py`), and stays so.
    """
    found = path.stat()
    if found.st_mode & (UMASK & ~WALK_THROUGH) and found.st_uid == os.geteuid():
        path.chmod(found.st_mode & 0o700)


def write(path: Path, content: bytes) -> None:
    """Replace a file as a whole: a reader sees the old content or the new."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def opener(path: str, flags: int) -> int:
    """For `open(…, opener=…)`: the file is its owner's alone, also where it was there before and open to others."""
    descriptor = os.open(path, flags, FILE_MODE)
    found = os.fstat(descriptor)
    if found.st_mode & UMASK and found.st_uid == os.geteuid():
        os.fchmod(descriptor, found.st_mode & 0o700)
    return descriptor
