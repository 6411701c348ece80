"""Jobs for the process of `test_subprocess_worker`, in a file that it can import by name."""

from __future__ import annotations

import os
import signal

from shoplake.errors import StackError
from shoplake.verify.subprocess_worker import OnProgress


def counted(to: int, on_progress: OnProgress) -> int:
    for number in range(to):
        on_progress(number)
    return to


def refused(on_progress: OnProgress) -> int:
    del on_progress
    raise StackError("Kafka is away", fix="start it")


def killed(on_progress: OnProgress) -> int:
    on_progress(0)
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def pid(on_progress: OnProgress) -> int:
    del on_progress
    return os.getpid()
