"""Kills a server of the stack for the time of a block."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from shoplake import paths
from shoplake import stack as embedded
from shoplake.stack import process


@contextmanager
def dead(server: str) -> Iterator[None]:
    """The server is killed, and back at the end."""
    running = process.find(paths.home() / "run" / server / "pid")
    assert running
    family = process.family(running.pid)
    for pid in family:
        os.kill(pid, signal.SIGKILL)
    process._wait_gone([running], 10)
    try:
        yield
    finally:
        assert embedded.up().running
