"""How a process of ours beside this one begins and ends, whatever befalls either."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

JOIN_S = 2.0
MAIN_GUARD_MISSING = 78
"""How a process ends that would start processes while it imports the script that started it; none of ours ends so."""


def start_process(process: BaseProcess) -> None:
    """Start it deaf to Ctrl-C from its first moment: that reaches the whole group, and the parent decides.

    A spawned process imports the script again. One without `if __name__ == "__main__":` then comes here a second
    time. Python would print a page of traceback for each process; this one ends, and its parent says what is wrong.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        os._exit(MAIN_GUARD_MISSING)
    resource_tracker.ensure_running()  # some Pythons unblock the signal when they start it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def stop_process(process: BaseProcess) -> None:
    """Tell it to end, and kill it if it does not."""
    process.terminate()
    process.join(JOIN_S)
    if process.is_alive():
        process.kill()
        process.join()


def exit_with_parent() -> None:
    """Wait until the process that started this one is gone, and end this one; for a thread of its own."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(0)
