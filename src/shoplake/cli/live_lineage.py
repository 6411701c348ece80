"""Sends lineage while a command runs, if `SHOPLAKE_OPENLINEAGE_URL` is set."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from shoplake.invocation import OPENLINEAGE_URL


@contextlib.contextmanager
def sending() -> Iterator[None]:
    """Send each run of a job at its start and at its end. Without the variable, do nothing and import nothing."""
    if not os.environ.get(OPENLINEAGE_URL):
        yield
        return
    from shoplake import run_log
    from shoplake.lineage.sending import LiveSender

    sender = LiveSender(lambda text: print(f"warning: {text}", file=sys.stderr))
    run_log.listeners.append(sender)
    try:
        yield
    finally:
        run_log.listeners.remove(sender)
        sender.finish()
