"""One run of a workflow at a time, or one for each day: a lock on a file, which ends with the process that holds it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from shoplake import paths, private_files, process_lock
from shoplake.errors import WorkflowRunning

if TYPE_CHECKING:
    from shoplake.orchestration.registry import Workflow

_held: set[tuple[str, str]] = set()
"""Locks of this process: a run that holds its lock takes it again in its own steps."""


def name_of(workflow: Workflow, parameters: Mapping[str, Any]) -> str:
    """Name of the lock of a run. Runs of a workflow with a partition exclude each other only for the same day."""
    partition = workflow.config.partition
    return workflow.name if partition is None else f"{workflow.name}.{parameters[partition]}"


@contextlib.contextmanager
def held(environment: str, workflow: str, describe: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Exclude other runs of a workflow on this machine.

    Args:
        environment: name of the environment.
        workflow: name of the lock.
        describe: called if another process holds the lock; says which run that is, or is empty.

    Raises:
        WorkflowRunning: another process runs it.
    """
    key = (environment, workflow)
    if key in _held:
        yield
        return

    def refused(holder: str) -> WorkflowRunning:
        return WorkflowRunning(
            f"workflow {workflow} already runs: {describe() or holder}",
            fix="wait until it has ended, or stop it with `shoplake workflow cancel RUN`",
        )

    folder = private_files.folder(paths.home() / "dagster" / environment / "locks")
    with process_lock.held(folder / workflow, refused):
        _held.add(key)
        try:
            yield
        finally:
            _held.discard(key)
