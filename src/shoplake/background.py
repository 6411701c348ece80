"""Commands that run in the background (`stream -d`, `generate -d`, `api up`): start, find and stop them.

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

COMMANDS = ("api", "generate", "stream")
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
    """

    name: str
    state: Literal["running", "ended", "failed", "crashed"]
    pid: int | None = None
    exit_code: int | None = None
    rss_bytes: int = 0
    log_tail: str = ""


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


def start(name: str) -> BackgroundCommand:
    """Start this command line again in the background, and wait until it works.

    Raises:
        UsageError: such a command already runs.
        BackgroundFailed: it ended before it worked, or did not begin within two minutes; its log has the reason.
    """
    folder = private_files.folder(_folder(name))
    if (running := process.find(folder / "pid")) is not None:
        raise UsageError(
            f"`{name}` already runs in the background (pid {running.pid})", fix=f"`shoplake stop {name}` stops it"
        )
    for left in ("pid", "working", "exit_code"):
        (folder / left).unlink(missing_ok=True)
    # The caller's variables: the command filters them for itself, as in the foreground.
    variables = {**environ.caller(), IN_BACKGROUND: name}
    command = [sys.executable, "-I", "-X", "utf8", "-m", "shoplake.cli.main", *sys.argv[1:]]
    launch = Launch(command, None, Path.cwd(), variables, home=None)
    child = process.spawn(launch, pid_file=folder / "pid", log_file=log_file(name))
    deadline = time.monotonic() + START_TIMEOUT_S
    while not (folder / "working").exists() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(POLL_S)
    if not (folder / "working").exists() and child.poll() != 0:
        late = child.poll() is None
        stop(name)
        raise BackgroundFailed(
            f"`{name}` did not begin within {START_TIMEOUT_S:.0f} s" if late else f"`{name}` failed at its start",
            fix=f"`shoplake logs {name}` has all of its output",
            details=process.tail(log_file(name)),
        )
    return look(name) or BackgroundCommand(name, "ended", exit_code=child.poll())


def working() -> None:
    """Tell the command that started this one in the background that it works. In the foreground, do nothing."""
    if inside():
        (_folder(os.environ[IN_BACKGROUND]) / "working").touch()


def ended(exit_code: int) -> None:
    """Keep the exit code of this command. In the foreground, do nothing."""
    if inside():
        with contextlib.suppress(OSError):  # the home may have been purged
            private_files.write(_folder(os.environ[IN_BACKGROUND]) / "exit_code", str(exit_code).encode("ascii"))


def look(name: str) -> BackgroundCommand | None:
    """The command as it is now; None if it was never started or was stopped."""
    folder = _folder(name)
    if (running := process.find(folder / "pid")) is not None:
        return BackgroundCommand(name, "running", running.pid, rss_bytes=process.resident_bytes(running))
    if not (folder / "pid").exists():
        return None
    with contextlib.suppress(OSError, ValueError):
        code = int((folder / "exit_code").read_text(encoding="ascii"))
        if code == 0:
            return BackgroundCommand(name, "ended", exit_code=0)
        return BackgroundCommand(name, "failed", exit_code=code, log_tail=process.telling(log_file(name)))
    return BackgroundCommand(name, "crashed", log_tail=process.telling(log_file(name)))


def all_of_them() -> list[BackgroundCommand]:
    """Each command that was started in the background and not stopped since."""
    return [found for found in map(look, COMMANDS) if found is not None]


def stop(name: str) -> bool:
    """Stop a command as Ctrl-C does, and forget it. The next run continues where it stopped.

    Returns:
        Whether it ran.
    """
    folder = _folder(name)
    running = process.find(folder / "pid")
    if running is not None:
        process.stop(running, number=signal.SIGINT, wait_s=STOP_TIMEOUT_S)
    (folder / "pid").unlink(missing_ok=True)
    return running is not None


def _folder(name: str) -> Path:
    return paths.home() / "run" / name
