"""Run one Terraform command with a timeout and a graceful stop. Its output goes to a file, not a pipe."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from shoplake import private_files
from shoplake.errors import InfraError

POLL_S = 0.05
STOP_TIMEOUT_S = 60  # Terraform writes its state and leaves; a provider's call in flight is cancelled at once
KILL_TIMEOUT_S = 5

# When the CLI dies, even by SIGKILL, Linux interrupts Terraform, which then saves its state and ends. Set by a
# process that becomes Terraform, because code between fork and exec is not safe in a program with threads.
LINUX_LAUNCHER = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
signal.signal(signal.SIGINT, signal.SIG_DFL)
if os.getppid() != int(sys.argv[1]):
    sys.exit(130)
os.execv(sys.argv[2], sys.argv[2:])
"""


@dataclass(frozen=True, slots=True)
class Command:
    """A command, its folder, environment and timeout."""

    argv: Sequence[str]
    cwd: Path
    environment: Mapping[str, str]
    log: Path
    timeout_s: float


def run(command: Command, feed: Callable[[str], None], cancel: threading.Event | None = None) -> int:
    """Run to the end and return the exit code. `feed` receives each line.

    Raises:
        InfraError: the timeout passed or `cancel` was set. Terraform was stopped gracefully.
        KeyboardInterrupt: after Terraform has stopped and saved its state.
    """
    # A file, not a pipe: were the reader killed, the next line would kill Terraform before it saved its state.
    with open(command.log, "wb", opener=private_files.opener) as sink, command.log.open("rb") as source:
        process = _start(command, sink)
        lines = _Lines(source, feed)
        try:
            return _follow(process, lines, command, cancel)
        except BaseException:
            _stop(process, lines)
            raise
        finally:
            _end_group(process)


class _Lines:
    """Whole lines of a file that is still being written."""

    def __init__(self, source: IO[bytes], feed: Callable[[str], None]) -> None:
        self._source = source
        self._feed = feed
        self._rest = b""

    def drain(self) -> None:
        *lines, self._rest = (self._rest + self._source.read()).split(b"\n")
        for line in lines:
            self._feed(line.decode(errors="replace"))


def _start(command: Command, sink: IO[bytes]) -> subprocess.Popen[bytes]:
    argv = list(command.argv)
    if sys.platform == "linux":
        argv = [sys.executable, "-I", "-S", "-c", LINUX_LAUNCHER, str(os.getpid()), *argv]
    return subprocess.Popen(
        argv,
        cwd=command.cwd,
        env=dict(command.environment),
        stdin=subprocess.DEVNULL,
        stdout=sink,
        stderr=subprocess.STDOUT,
        umask=private_files.UMASK,  # state, backup, plans
        process_group=0,  # Ctrl-C in the terminal reaches us alone; we pass it on once
    )


def _follow(process: subprocess.Popen[bytes], lines: _Lines, command: Command, cancel: threading.Event | None) -> int:
    deadline = time.monotonic() + command.timeout_s
    while process.poll() is None:
        lines.drain()
        if time.monotonic() > deadline:
            raise InfraError(
                f"`{Path(command.argv[0]).name} {command.argv[1]}` did not finish within {command.timeout_s:.0f} s",
                fix=f"see {command.log}; run it again to continue",
            )
        if cancel is not None and cancel.is_set():
            raise InfraError("Terraform was stopped before its end", fix="run the same command again to continue")
        time.sleep(POLL_S)
    lines.drain()
    return process.returncode


def _stop(process: subprocess.Popen[bytes], lines: _Lines) -> None:
    """Interrupt Terraform and wait. A second Ctrl-C interrupts again, and Terraform then exits at once."""
    for wait_s in (STOP_TIMEOUT_S, KILL_TIMEOUT_S):
        try:
            process.send_signal(signal.SIGINT)
            process.wait(wait_s)
        except (KeyboardInterrupt, subprocess.TimeoutExpired):
            continue
        break
    lines.drain()


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the remaining processes of the run: a Terraform that does not stop, or its providers."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(KILL_TIMEOUT_S)
