"""A lock on a file that one process holds at a time. It ends with the process, however that ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from shoplake import private_files
from shoplake.errors import ShoplakeError


@contextlib.contextmanager
def held(file: Path, refused: Callable[[str], ShoplakeError]) -> Iterator[None]:
    """Hold the lock for the block, with this process's id in the file.

    Args:
        file: in a folder that exists.
        refused: makes the error if another process holds the lock. It is called with that process, as `process 123`.

    Raises:
        ShoplakeError: the error of `refused`.
    """
    with open(file, "a+", opener=private_files.opener) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise refused(f"process {lock.read().strip() or '?'}") from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
