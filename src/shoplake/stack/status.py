"""The current state of the servers: pids, ports, memory and crashes."""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from shoplake import paths, private_files
from shoplake.errors import StackError, StackNotRunning, UnknownName
from shoplake.stack import process
from shoplake.stack.aws_endpoint import identify
from shoplake.stack.connections import SERVICES, Service, service_of
from shoplake.stack.kafka import KafkaServer
from shoplake.stack.ministack import MiniStackServer
from shoplake.stack.mongo import MongoServer
from shoplake.stack.postgres import PostgresServer
from shoplake.stack.servers import Place, Server
from shoplake.stack.state import State, load
from shoplake.stack.valkey import ValkeyServer

STORES: tuple[Server, ...] = (KafkaServer(), PostgresServer(), ValkeyServer(), MongoServer())
SERVERS: tuple[Server, ...] = (*STORES, MiniStackServer())


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One server now.

    Attributes:
        state: `running` (answers in its own protocol), `silent` (runs, but does not answer), `crashed` (was up, is
            gone) or `stopped`.
        rss_bytes: memory of it and its children.
        ready_s: seconds from its start until it answered, None when that was not measured.
        log_tail: the last lines of its log that tell something, where it crashed; else empty.
    """

    name: str
    state: Literal["running", "silent", "crashed", "stopped"]
    port: int
    pid: int | None = None
    rss_bytes: int = 0
    ready_s: float | None = None
    log_tail: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """The whole stack; `ready_s` is the time its last start took, from the first process to the last answer."""

    home: Path
    servers: tuple[ServerStatus, ...]
    ready_s: float | None

    @property
    def rss_bytes(self) -> int:
        """Memory of all servers."""
        return sum(server.rss_bytes for server in self.servers)

    @property
    def running(self) -> bool:
        """Whether every server answers."""
        return all(server.state == "running" for server in self.servers)


def servers(state: State) -> tuple[Server, ...]:
    """What this stack runs itself: no emulator of AWS where it uses another one."""
    return STORES if state.aws_endpoint else SERVERS


def status() -> Status:
    """Return the state of the servers.

    Raises:
        StackNotRunning: there is no stack at this home.
    """
    home = paths.home()
    state = _known(home)
    with ThreadPoolExecutor(len(SERVERS)) as pool:
        found = [*pool.map(lambda server: _look_at(server, Place(home, server.name, state)), servers(state))]
    if state.aws_endpoint:
        found.append(_look_outside(state.aws_endpoint))
    return Status(home, tuple(found), read_ready(home / "run"))


def require_running(services: Collection[Service] = SERVICES) -> State:
    """The state of a stack in which the processes of these services live.

    Raises:
        StackNotRunning: it was not started, or one of these is gone; the message names it, its last lines follow.
    """
    home = paths.home()
    state = _known(home)
    for server in servers(state):
        place = Place(home, server.name, state)
        if service_of(server.name) in services and process.find(place.pid_file) is None:
            raise not_running(
                server.name,
                "not running: it died" if crashed(place) else "not running",
                process.telling(place.log_file) if crashed(place) else "",
            )
    return state


def not_running(name: str, state: str, log_tail: str) -> StackNotRunning:
    """The error of a server that a command needs; `state` completes "kafka is ..."."""
    details = f"the end of its log:\n{textwrap.indent(log_tail, '  ')}" if log_tail else ""
    return StackNotRunning(f"{name} is {state}", fix="`shoplake up` starts it", details=details)


def crashed(place: Place) -> bool:
    """Whether a server that should run is gone."""
    return place.wanted_file.exists() and process.find(place.pid_file) is None


def log_file(service: str) -> Path:
    """Where a server's output is.

    Raises:
        UsageError: there is no such server.
    """
    names = [server.name for server in SERVERS]
    if service not in names:
        raise UnknownName(f"there is no server '{service}'", fix=f"choose from {', '.join(names)}")
    return paths.home() / "logs" / f"{service}.log"


def logs(service: str, lines: int = process.TAIL_LINES) -> str:
    """The last lines of a server's output.

    Raises:
        UsageError: there is no such server.
    """
    return process.tail(log_file(service), lines)


def note_ready(run: Path, seconds: float) -> None:
    """Remember how long a start took, for `status`."""
    private_files.write(run / "ready_s", f"{seconds:.2f}".encode("ascii"))


def read_ready(run: Path) -> float | None:
    """How long the last start took, None when that was not measured."""
    with contextlib.suppress(OSError, ValueError):
        return float(run.joinpath("ready_s").read_text(encoding="ascii"))
    return None


def _known(home: Path) -> State:
    state = load(home)
    if state is None:
        raise StackNotRunning(f"there is no stack at {home}", fix="start one with `shoplake up`")
    return state


def _look_outside(url: str) -> ServerStatus:
    """An emulator that somebody else runs, of which only its answer is known."""
    port = urlsplit(url).port or 0
    try:
        return ServerStatus(identify(url).emulator, "running", port)
    except StackError:
        return ServerStatus("aws", "silent", port)


def _look_at(server: Server, place: Place) -> ServerStatus:
    running = process.find(place.pid_file)
    if running is None:
        if crashed(place):
            return ServerStatus(server.name, "crashed", place.port, log_tail=process.telling(place.log_file))
        return ServerStatus(server.name, "stopped", place.port)
    return ServerStatus(
        server.name,
        "running" if server.answers(place) else "silent",
        place.port,
        pid=running.pid,
        rss_bytes=process.resident_bytes(running),
        ready_s=read_ready(place.run),
    )
