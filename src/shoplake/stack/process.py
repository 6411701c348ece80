"""Server processes: start them detached, find them in later commands, and stop them with a timeout.

A process is identified by pid and start time, so a reused pid is never signalled. A process without a pid file (the
home was deleted by hand) is found by a mark in its environment.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from shoplake import environ, private_files
from shoplake.proc_stat import start_time, stat_fields
from shoplake.stack import drop_privileges
from shoplake.stack.server_user import Identity

MARK = "SHOPLAKE_STACK"
TAIL_LINES = 20
TELLING_LINES = 3
FAILURE = re.compile(r"(?i)\b(error|fatal|panic|abort|exception|failed|failure|killed|denied|no space|out of memory)")
TAIL_BYTES = 64 * 1024
LOG_KEEP_BYTES = 20 * 1024 * 1024
POLL_S = 0.05
KILL_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Running:
    """A live process.

    Attributes:
        started: kernel's start time in clock ticks since boot.
    """

    pid: int
    started: int

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return start_time(self.pid) == self.started


@dataclass(frozen=True, slots=True)
class Launch:
    """What to run, as whom (None: as we are), where, and with which variables of its own.

    Attributes:
        home: the stack that it is a server of; None for a process that is no server.
    """

    command: Sequence[str | Path]
    identity: Identity | None
    cwd: Path
    environment: Mapping[str, str]
    home: Path | None

    def arguments(self, pid_file: Path | None) -> list[str]:
        """The command line that becomes the server."""
        python = [sys.executable, "-I", "-S", drop_privileges.__file__]
        return [*python, str(pid_file or "-"), str(self.identity or "-"), *map(str, self.command)]

    def variables(self) -> dict[str, str]:
        """Its environment, with the mark of its stack."""
        mark = {} if self.home is None else {MARK: str(self.home)}
        return environ.for_subprocess({**self.environment, **mark})


def spawn(start: Launch, *, pid_file: Path, log_file: Path | None) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, its output appended to its log. Without one it goes to stderr."""
    with contextlib.ExitStack() as opened:
        log: BinaryIO | int = 2
        if log_file is not None:
            _rotate(log_file)
            log = opened.enter_context(open(log_file, "ab", opener=private_files.opener))
        return subprocess.Popen(
            start.arguments(pid_file),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=start.cwd,
            env=start.variables(),
            start_new_session=True,
        )


def run(start: Launch, *, timeout_s: float, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a tool of a server to its end; its output comes back as one.

    Raises:
        subprocess.TimeoutExpired: it took longer, and was killed.
    """
    return subprocess.run(
        start.arguments(None),
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout_s,
        check=False,
        cwd=start.cwd,
        env=start.variables(),
        start_new_session=True,
    )


def find(pid_file: Path) -> Running | None:
    """Return the process of a pid file, if it still runs."""
    try:
        pid, started = map(int, pid_file.read_text().split())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    running = Running(pid, started)
    return running if running.alive else None


def strays(home: Path) -> Iterator[Running]:
    """Yield every process with the mark of the stack at `home`."""
    wanted = f"{MARK}={home}".encode()
    for pid in _pids():
        with contextlib.suppress(OSError):
            if wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") and (started := start_time(pid)):
                yield Running(pid, started)


def stop(running: Running, *, number: signal.Signals = signal.SIGTERM, wait_s: float) -> None:
    """Ask the process to stop, wait, then SIGKILL it and its remaining descendants."""
    if not running.alive:
        return
    relatives = [Running(pid, started) for pid in family(running.pid) if (started := start_time(pid))]
    _signal([running], number)
    if not _wait_gone([running], wait_s):
        _signal([running], signal.SIGKILL)
    # Children that outlive their parent by a moment are on their way out; what then remains is not.
    if not _wait_gone(relatives, KILL_WAIT_S):
        _signal(relatives, signal.SIGKILL)
        _wait_gone(relatives, KILL_WAIT_S)
    # A program that starts and stops a stack is its parent, and has to take note of the end.
    with contextlib.suppress(ChildProcessError):
        os.waitpid(running.pid, os.WNOHANG)


def resident_bytes(running: Running) -> int:
    """Resident memory of the process; of its descendants only what they do not share with it."""
    leader, *descendants = family(running.pid)
    return _memory(leader, "VmRSS") + sum(_memory(pid, "RssAnon") for pid in descendants)


def proportional_bytes(leader: int) -> int:
    """Resident memory of the process and its descendants, each page once; Linux walks through all of them for it."""
    return sum(_memory(pid, "Pss", "smaps_rollup") for pid in family(leader))


def family(leader: int) -> list[int]:
    """The process and all that descend from it, also those that made sessions of their own."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        if fields := stat_fields(pid):
            children.setdefault(int(fields[1]), []).append(pid)
    found, queue = [], [leader]
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue += children.get(pid, ())
    return found


def tail(log_file: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log."""
    try:
        with log_file.open("rb") as file:
            file.seek(max(0, log_file.stat().st_size - TAIL_BYTES))
            text = b"\n".join(file.read().splitlines()[-lines:]).decode(errors="replace")
    except FileNotFoundError:
        return "(no log)"
    return text or "(it is empty)"


def follow(log_file: Path, lines: int = TAIL_LINES, pause_s: float = 0.3) -> Iterator[str]:
    """The last lines of a log, then what is written to it, without end. A new file of the same name is followed."""
    file: BinaryIO | None = None
    at_start = True
    try:
        while True:
            with contextlib.suppress(FileNotFoundError):
                now = log_file.stat()
                if file is None or os.fstat(file.fileno()).st_ino != now.st_ino:
                    if file is not None:
                        file.close()
                    file = log_file.open("rb")
                    if at_start:
                        file.seek(max(0, now.st_size - TAIL_BYTES))
                        yield b"".join(file.read().splitlines(keepends=True)[-lines:]).decode(errors="replace")
                elif now.st_size < file.tell():  # emptied
                    file.seek(0)
            if file is not None and (more := file.read()):
                yield more.decode(errors="replace")
            at_start = False
            time.sleep(pause_s)
    finally:
        if file is not None:
            file.close()


def telling(log_file: Path, lines: int = TELLING_LINES) -> str:
    """Return the last lines about a failure near the end of a log, or the last lines if there are none."""
    end = [line for line in tail(log_file).splitlines() if line.strip()]
    return "\n".join(([line for line in end if FAILURE.search(line) and "WARNING" not in line] or end)[-lines:])


def _rotate(log_file: Path) -> None:
    private_files.folder(log_file.parent)
    if log_file.exists() and log_file.stat().st_size > LOG_KEEP_BYTES:
        log_file.replace(log_file.with_suffix(".log.1"))


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _memory(pid: int, field: str, file: str = "status") -> int:
    """Bytes of one of the fields of proc_pid_status(5), or of another such file, in kB; 0 when the process is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    return 0


def _signal(processes: Iterable[Running], number: signal.Signals) -> None:
    for process in processes:
        if process.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)


def _wait_gone(processes: Sequence[Running], wait_s: float) -> bool:
    deadline = time.monotonic() + wait_s
    while any(process.alive for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
