"""Under which name a worker is a member of its group, so that Kafka knows one that was killed when it comes again.

A member that is known gets its partitions at once: nobody waits until the dead one's session has timed out, and the
others of the group are not stopped. Two that live must never have one name, since they would take the place from each
other without end. So a name is a file that its process has locked, which the kernel undoes when the process is gone and
only then: a frozen one keeps its name.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import platform
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import quote

from shoplake import paths, private_files

TOKEN_LENGTH = len(uuid.uuid4().hex)


@contextlib.contextmanager
def held(group: str) -> Iterator[str | None]:
    """The name of the first place of a group that nobody in this home has, until the end of the context or the process.

    None where this home takes no files or locks: such a worker is one that Kafka does not know, which costs time only.
    """
    with contextlib.ExitStack() as open_files:
        try:
            name = _name(_first_free(group, open_files))
        except OSError:
            name = None
        yield name


def _first_free(group: str, open_files: contextlib.ExitStack) -> IO[str]:
    folder = paths.home() / "run" / "members"
    private_files.folder(folder)
    for number in itertools.count(1):
        file = open_files.enter_context(_private(folder / f"{quote(group, safe='')}-{number}"))
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
    raise AssertionError("there is always another number")


def _private(path: Path) -> IO[str]:
    return open(path, "a+", opener=private_files.opener)


def _name(file: IO[str]) -> str:
    """As the file says, on this machine: a home that was copied to another one is not the same member there."""
    file.seek(0)
    token = file.read()
    if len(token) != TOKEN_LENGTH:
        token = uuid.uuid4().hex
        file.truncate(0)
        file.write(token)
        file.flush()
    return str(uuid.uuid5(uuid.UUID(token), platform.node()))
