"""Find the process that uses a port. A stack keeps its ports, so a conflict must be reported."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from shoplake.errors import PortTaken
from shoplake.stack.state import is_free

_LISTEN = "0A"
GIVE_UP_S = 5.0
POLL_S = 0.1


def refuse_taken(server: str, ports: Iterable[int]) -> None:
    """Raise if another program listens on one of the ports.

    Raises:
        PortTaken: with the port, and its holder where the kernel tells.
    """
    until = time.monotonic() + GIVE_UP_S
    for port in ports:
        while not is_free(port) and holder_of(port) is None and time.monotonic() < until:
            time.sleep(POLL_S)  # nobody holds it any more: a killed process is being taken down
        if not is_free(port):
            raise PortTaken(
                f"port {port} of {server} is used by {holder_of(port) or 'another program'}",
                fix="stop that program; or run `shoplake down --purge`, which deletes all data, and `shoplake up`",
            )


def holder_of(port: int) -> str | None:
    """Return name and pid of the process that listens on a port. None if unknown."""
    inodes = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _listening(Path("/proc/net") / table, port)}
    if not inodes:
        return None
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and _holds(process, inodes):
            return f"{_name(process)} (pid {process.name})"
    return None


def _name(process: Path) -> str:
    try:
        return process.joinpath("comm").read_text().strip()
    except OSError:
        return "a program that just ended"


def _listening(table: Path, port: int) -> list[str]:
    try:
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
    except OSError:
        return []
    return [row[9] for row in rows if row[3] == _LISTEN and int(row[1].rpartition(":")[2], 16) == port]


def _holds(process: Path, inodes: set[str]) -> bool:
    try:
        return any(str(link.readlink()) in inodes for link in process.joinpath("fd").iterdir())
    except OSError:
        return False
