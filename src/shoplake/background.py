"""Commands that run in the background (`stream -d`, `api up`, `workflow up` and so on): start, find and stop them.

A command starts itself again, detached, with the same arguments. Its pid, log and exit code are in the stack's home,
with those of the servers.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shoplake import environ, paths, private_files
from shoplake.errors import BackgroundFailed, UnknownName, UsageError
from shoplake.invocation import IN_BACKGROUND
from shoplake.stack import process
from shoplake.stack.process import Launch

COMMANDS = ("api", "console", "generate", "stream", "workflow")
"""The commands that can run in the background, and their names for `stop` and `logs`."""

START_TIMEOUT_S = 120.0
# A sink finishes its batch and a publisher its transaction; the data is right as well if they are killed after this.
STOP_TIMEOUT_S = 60.0
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class BackgroundCommand:
    """A command in the background, now.

    Attributes:
        state: `running`, `ended` (by itself, with exit code 0), `failed` or `crashed` (gone without an exit code).
        exit_code: of a command that has ended.
        rss_bytes: memory of it and its workers.
        log_tail: the last lines of its log that tell something, if it failed or crashed; else empty.
        address: where it serves pages, if it does.
    """

    name: str
    state: Literal["running", "ended", "failed", "crashed"]
    pid: int | None = None
    exit_code: int | None = None
    rss_bytes: int = 0
    log_tail: str = ""
    address: str = ""


def log_file(name: str) -> Path:
    """Where a command in the background writes its output.

    Raises:
        UnknownName: no such command runs in the background.
    """
    if name not in COMMANDS:
        raise UnknownName(f"there is no background command '{name}'", fix=f"choose from {', '.join(COMMANDS)}")
    return paths.home() / "logs" / f"{name}.log"


def inside() -> bool:
    """Whether this process is itself the command in the background."""
    return IN_BACKGROUND in os.environ


def start(name: str, timeout_s: float = START_TIMEOUT_S) -> BackgroundCommand:
    """Start this command line again in the background, and wait until it works.

    Raises:
        UsageError: such a command already runs.
        BackgroundFailed: it ended before it worked, or did not begin in time; its log has the reason.
    """
    where = private_files.folder(folder(name))
    if (running := process.find(where / "pid")) is not None:
        raise UsageError(
            f"`{name}` already runs in the background (pid {running.pid})", fix=f"`shoplake stop {name}` stops it"
        )
    for left in ("pid", "working", "exit_code"):
        (where / left).unlink(missing_ok=True)
    # The caller's variables: the command filters them for itself, as in the foreground.
    variables = {**environ.caller(), IN_BACKGROUND: name}
    command = [sys.executable, "-I", "-X", "utf8", "-m", "shoplake.cli.main", *sys.argv[1:]]
    launch = Launch(command, None, Path.cwd(), variables, home=None)
    child = process.spawn(launch, pid_file=where / "pid", log_file=log_file(name))
    deadline = time.monotonic() + timeout_s
    while not (where / "working").exists() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(POLL_S)
    if not (where / "working").exists() and child.poll() != 0:
        late = child.poll() is None
        stop(name)
        raise BackgroundFailed(
            f"`{name}` did not begin within {timeout_s:.0f} s" if late else f"`{name}` failed at its start",
            fix=f"`shoplake logs {name}` has all of its output",
            details=process.tail(log_file(name)),
        )
    return look(name) or BackgroundCommand(name, "ended", exit_code=child.poll())


def working(address: str = "") -> None:
    """Tell the command that started this one in the background that it works. In the foreground, do nothing.

    Args:
        address: where it serves pages, if it does.
    """
    if inside():
        private_files.write(folder(os.environ[IN_BACKGROUND]) / "working", address.encode())


def ended(exit_code: int) -> None:
    """Keep the exit code of this command. In the foreground, do nothing."""
    if inside():
        with contextlib.suppress(OSError):  # the home may have been purged
            private_files.write(folder(os.environ[IN_BACKGROUND]) / "exit_code", str(exit_code).encode("ascii"))


def look(name: str) -> BackgroundCommand | None:
    """The command as it is now; None if it was never started or was stopped."""
    where = folder(name)
    if (running := process.find(where / "pid")) is not None:
        return BackgroundCommand(
            name, "running", running.pid, rss_bytes=process.resident_bytes(running), address=_address(where)
        )
    if not (where / "pid").exists():
        return None
    with contextlib.suppress(OSError, ValueError):
        code = int((where / "exit_code").read_text(encoding="ascii"))
        if code == 0:
            return BackgroundCommand(name, "ended", exit_code=0)
        return BackgroundCommand(name, "failed", exit_code=code, log_tail=process.telling(log_file(name)))
    return BackgroundCommand(name, "crashed", log_tail=process.telling(log_file(name)))


def all_of_them() -> list[BackgroundCommand]:
    """Each command that was started in the background and not stopped since."""
    return [found for found in map(look, COMMANDS) if found is not None]


def stop(name: str) -> bool:
    """Stop a command as Ctrl-C does, and forget it. The next run continues where it stopped.

    Processes of it with a pid file of their own are stopped, too: they outlive a command that was killed.

    Returns:
        Whether it ran.
    """
    where = folder(name)
    running = process.find(where / "pid")
    if running is not None:
        process.stop(running, number=signal.SIGINT, wait_s=STOP_TIMEOUT_S)
    (where / "pid").unlink(missing_ok=True)
    for pid_file in sorted(where.glob("*.pid")):
        if (left := process.find(pid_file)) is not None:
            process.stop(left, wait_s=STOP_TIMEOUT_S)
        pid_file.unlink(missing_ok=True)
    return running is not None


def folder(name: str) -> Path:
    """Where the pid and the exit code of a command are noted."""
    return paths.home() / "run" / name


def _address(where: Path) -> str:
    with contextlib.suppress(OSError):
        return (where / "working").read_text(encoding="utf-8")
    return ""
