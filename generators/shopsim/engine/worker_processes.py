"""Start and stop worker processes safely: on Ctrl-C, when the parent dies, and without a `__main__` guard."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

JOIN_S = 2.0
MAIN_GUARD_MISSING = 78
"""Exit code of a worker that imports a script without `if __name__ == "__main__":`. Nothing else exits with it."""


def start_process(process: BaseProcess) -> None:
    """Start a process that ignores Ctrl-C. The signal reaches the whole process group, and the parent handles it.

    A spawned process imports the script again. Without `if __name__ == "__main__":` the script calls this function a
    second time. Python would print a long traceback for each process; this process exits, and its parent reports the
    error.
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
    """Terminate a process, and kill it if it does not exit within `JOIN_S`."""
    process.terminate()
    process.join(JOIN_S)
    if process.is_alive():
        process.kill()
        process.join()


def exit_with_parent() -> None:
    """Exit this process when its parent exits. Blocks, so it needs a thread of its own."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(0)
