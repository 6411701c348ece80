"""Static group membership: a worker that restarts gets the same member id in its consumer group.

Kafka gives a known static member its partitions at once: no wait for the session time-out, and no rebalance of the
other members. Two running workers must never have the same id, since they would fence each other without end. So each
id belongs to a file that the worker's process locks. The kernel releases the lock when the process ends, and only then:
a frozen process keeps its id.
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
    """Reserve the first free member id of a group in this home, until the context or the process ends.

    None if the home does not support files or locks. The worker is then a dynamic member: a restart takes longer.
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
    """The member id: from the token in the file and the name of the machine, so a copied home has other ids."""
    file.seek(0)
    token = file.read()
    if len(token) != TOKEN_LENGTH:
        token = uuid.uuid4().hex
        file.truncate(0)
        file.write(token)
        file.flush()
    return str(uuid.uuid5(uuid.UUID(token), platform.node()))
