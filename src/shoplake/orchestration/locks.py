"""One run of a workflow at a time: a lock on a file, which ends with the process that holds it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator

from shoplake import paths, private_files
from shoplake.errors import WorkflowRunning

_held: set[tuple[str, str]] = set()
"""Locks of this process: a run that holds its lock takes it again in its own steps."""


@contextlib.contextmanager
def held(environment: str, workflow: str, describe: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Exclude other runs of a workflow on this machine.

    Args:
        environment: name of the environment.
        workflow: name of the workflow.
        describe: called if another process holds the lock; says which run that is, or is empty.

    Raises:
        WorkflowRunning: another process runs it.
    """
    key = (environment, workflow)
    if key in _held:
        yield
        return
    folder = private_files.folder(paths.home() / "dagster" / environment / "locks")
    with open(folder / workflow, "a+", opener=private_files.opener) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            who = describe() or f"process {file.read().strip() or '?'}"
            raise WorkflowRunning(
                f"workflow {workflow} already runs: {who}",
                fix="wait until it has ended, or stop it with `shoplake workflow cancel RUN`",
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        _held.add(key)
        try:
            yield
        finally:
            _held.discard(key)
