"""Dagster's servers: code, daemon and web, started, watched and stopped by one process in the background.

The code server loads the workflows once for both others, on a socket in a private folder. It starts a process for each
run. The daemon ticks schedules and sensors and takes runs from the queue.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn

from shoplake import background, private_files
from shoplake.backoff import Backoff
from shoplake.errors import UsageError, WorkflowServerFailed
from shoplake.invocation import IN_BACKGROUND
from shoplake.orchestration import instance
from shoplake.stack import ports, process, state
from shoplake.stack.process import Launch, Running

NAME = "workflow"
"""Name of the servers for `status`, `logs` and `stop`."""

DAGSTER = "shoplake.orchestration.servers.dagster_server"
HOST = "127.0.0.1"
SOCKET = "code.sock"
LONGEST_SOCKET = 107
"""Bytes of a path that Linux takes for a socket."""

WORKSPACE = f"""\
# Written by shoplake at each start.
load_from:
  - grpc_server: {{socket: {SOCKET}, location_name: shoplake}}
"""
READY_S = 240.0
RUNS_STOP_S = 30.0
SERVER_STOP_S = 8.0
POLL_S = 0.5
APPEARS_S = 5.0
"""After which a server that was started has noted its process."""

STABLE_S = 120.0
"""A server that has run for this long has started well: its earlier failures no longer count."""

GIVE_UP_S = 1800.0
"""Seconds for which a server may fail at each start, for example while Postgres is away."""


@dataclass(slots=True)
class Server:
    """One of the servers, and its failures in a row.

    Attributes:
        log_file: of its output; None for stderr of this process.
    """

    name: str
    arguments: Sequence[str]
    log_file: Path | None = None
    backoff: Backoff = field(default_factory=lambda: Backoff(GIVE_UP_S, first_s=1.0, longest_s=60.0))
    started: float = 0.0
    next_start: float = 0.0

    @property
    def pid_file(self) -> Path:
        """Where its process is noted."""
        return background.folder(NAME) / f"{self.name}.pid"

    def running(self) -> Running | None:
        """Its process, if it is alive."""
        return process.find(self.pid_file)

    def start(self, folder: Path, variables: Mapping[str, str]) -> None:
        """Start it in a folder."""
        python = [sys.executable, "-I", "-X", "utf8"]
        launch = Launch([*python, *self.arguments], None, folder, variables, home=None)
        process.spawn(launch, pid_file=self.pid_file, log_file=self.log_file)
        self.started = time.monotonic()


def choose_port(wanted: int | None) -> int:
    """The port of the web server: the one that is asked for, the one of the last start, or a free one.

    Raises:
        PortTaken: another program uses the port that is asked for.
    """
    if wanted is not None:
        ports.refuse_taken("the web server of workflows", [wanted])
        return wanted
    kept = private_files.folder(background.folder(NAME)) / "port"
    with contextlib.suppress(OSError, ValueError):
        last = int(kept.read_text(encoding="ascii"))
        if state.is_free(last):
            return last
    (chosen,) = state.free_ports(1)
    private_files.write(kept, str(chosen).encode("ascii"))
    return chosen


def serve(environment: str, port: int, ready: Callable[[str], None], say: Callable[[str], None]) -> None:
    """Run the servers until Ctrl-C or SIGTERM, and start one again that dies. Runs that are in progress then end, too.

    Args:
        environment: name of the environment, whose records `instance.prepared` has made ready in this process.
        port: of the web server on 127.0.0.1.
        ready: called once with the address, when all of them answer.
        say: told of each restart.

    Raises:
        WorkflowServerFailed: one did not start, or dies at each start.
        UsageError: the path of the home is too long for a socket.
    """
    folder = instance.folder(environment)
    if len(os.fsencode(folder / SOCKET)) > LONGEST_SOCKET:
        raise UsageError(
            f"{folder / SOCKET}: expected a path of at most {LONGEST_SOCKET} bytes for a socket",
            fix="set SHOPLAKE_HOME to a folder with a shorter path",
        )
    private_files.write(folder / "workspace.yaml", WORKSPACE.encode())
    servers = _servers(port, background.log_file(NAME) if background.inside() else None)
    variables = _variables(environment)
    stop_left_over()
    try:
        with _sigterm_as_interrupt():
            _start_all(servers, folder, port, variables)
            ready(f"http://{HOST}:{port}")
            _watch(servers, folder, variables, say)
    except KeyboardInterrupt:
        say("stopping the servers of workflows")
    finally:
        stop_left_over()
        (folder / SOCKET).unlink(missing_ok=True)


def stop_left_over() -> None:
    """Stop the servers, also those of a process that was killed. Runs in progress are interrupted first."""
    by_name = {one.name: one for one in _servers(0)}
    daemon, web, code = by_name["daemon"], by_name["web"], by_name["code"]
    _stop(daemon)  # it would start further runs
    if (running := code.running()) is not None:
        _interrupt_runs(running)
    for server in (web, code):
        _stop(server)


def _servers(port: int, log_file: Path | None = None) -> list[Server]:
    definitions = ["-m", "shoplake.orchestration.definitions", "-a", "everything"]
    logging = ["--log-level", "warning"]
    return [
        Server("code", ["-m", DAGSTER, "api", "grpc", "-s", SOCKET, *definitions, *logging], log_file),
        Server("daemon", ["-m", DAGSTER, "daemon", "run", "-w", "workspace.yaml", *logging], log_file),
        Server("web", ["-m", "shoplake.orchestration.servers.web", str(port)], log_file),
    ]


def _variables(environment: str) -> dict[str, str]:
    """What the servers get: all that this command has kept, without its own mark."""
    kept = {name: value for name, value in os.environ.items() if name != IN_BACKGROUND}
    return {**kept, instance.ENVIRONMENT_VARIABLE: environment, "DAGSTER_DISABLE_TELEMETRY": "yes"}


def _start_all(servers: Sequence[Server], folder: Path, port: int, variables: Mapping[str, str]) -> None:
    """Start all and wait until they answer. The others ask the code server for the workflows at their start."""
    code, *others = servers
    (folder / SOCKET).unlink(missing_ok=True)
    deadline = time.monotonic() + READY_S
    code.start(folder, variables)
    _wait([code], lambda: _listens(folder / SOCKET), deadline)
    for server in others:
        server.start(folder, variables)
    _wait(servers, lambda: serves(port), deadline)


def _wait(servers: Sequence[Server], answers: Callable[[], bool], deadline: float) -> None:
    while not answers():
        time.sleep(POLL_S)
        dead = [one.name for one in servers if one.running() is None and time.monotonic() - one.started > APPEARS_S]
        if dead or time.monotonic() > deadline:
            what = f"`{dead[0]}` died at its start" if dead else f"`{servers[-1].name}` did not answer in time"
            raise WorkflowServerFailed(f"Dagster's server {what}", fix="`shoplake logs workflow` shows its output")


def _watch(
    servers: Sequence[Server], folder: Path, variables: Mapping[str, str], say: Callable[[str], None]
) -> NoReturn:
    """Start a server again that dies, with growing pauses."""
    while True:
        time.sleep(POLL_S)
        now = time.monotonic()
        for server in servers:
            if server.running() is not None:
                if server.backoff.failures and now - server.started > STABLE_S:
                    server.backoff.reset()
            elif now - server.started < APPEARS_S:
                continue
            elif server.next_start <= server.started:
                pause_s = server.backoff.pause_s()
                if pause_s is None:
                    raise WorkflowServerFailed(
                        f"Dagster's server `{server.name}` dies at each start", fix="`shoplake logs workflow` shows why"
                    )
                say(f"`{server.name}` died; it starts again in {pause_s:.0f} s")
                server.next_start = now + pause_s
            elif now >= server.next_start:
                server.start(folder, variables)


def _stop(server: Server) -> None:
    running = server.running()
    if running is not None:
        process.stop(running, number=signal.SIGINT, wait_s=SERVER_STOP_S)
    server.pid_file.unlink(missing_ok=True)


def _interrupt_runs(code: Running) -> None:
    """Stop the runs of a code server as Ctrl-C does. Its other child, which tracks semaphores, ignores the signal."""
    children = process.family(code.pid)[1:]
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
    runs = [pid for pid in children if not _is_tracker(pid)]
    deadline = time.monotonic() + RUNS_STOP_S
    while any(map(_alive, runs)) and time.monotonic() < deadline:
        time.sleep(POLL_S)


def _is_tracker(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return True


def _alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())  # empty for a zombie
    return False


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def serves(port: int) -> bool:
    """Whether the web server on a port of this machine answers."""
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{HOST}:{port}/server_info", timeout=5) as found:
        return bool(found.status == 200)
    return False


@contextlib.contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
