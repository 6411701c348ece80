"""Jobs for the process of `test_subprocess_worker`, in a file that it can import by name."""

from __future__ import annotations

import os
import signal

from shoplake.errors import StackError
from shoplake.verify.subprocess_worker import Tell


def counted(to: int, tell: Tell) -> int:
    for number in range(to):
        tell(number)
    return to


def refused(tell: Tell) -> int:
    del tell
    raise StackError("Kafka is away", fix="start it")


def killed(tell: Tell) -> int:
    tell(0)
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def pid(tell: Tell) -> int:
    del tell
    return os.getpid()
