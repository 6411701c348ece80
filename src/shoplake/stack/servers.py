"""The interface of a server of the embedded stack: prepare, start, check."""

from __future__ import annotations

import contextlib
import importlib.util
import signal
import socket
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shoplake import private_files
from shoplake.errors import ServerFailed
from shoplake.stack import server_user
from shoplake.stack.process import Launch
from shoplake.stack.server_user import Identity
from shoplake.stack.state import State

LOOPBACK = "127.0.0.1"
PROBE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Place:
    """Paths and ports of a server in one stack."""

    home: Path
    name: str
    state: State

    @property
    def data(self) -> Path:
        """Folder of its data."""
        return self.home / "data" / self.name

    @property
    def run(self) -> Path:
        """Folder of its pid file and configuration, which may hold a password: it is private."""
        return self.home / "run" / self.name

    @property
    def log_file(self) -> Path:
        """Its output."""
        return self.home / "logs" / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """Written by the process itself, before it becomes the server."""
        return self.run / "pid"

    @property
    def wanted_file(self) -> Path:
        """Exists from the moment the server answered until it is stopped: a server that is gone then has crashed."""
        return self.run / "wanted"

    @property
    def port(self) -> int:
        """Its TCP port on 127.0.0.1."""
        return self.state.ports[self.name]


class Server(ABC):
    """One server program. Implementations hold no state: all of it is in the place."""

    name: str
    stop_signal = signal.SIGTERM
    # How long a stop may take before it is forced: servers that write their state at the end need it.
    stop_wait_s = 10.0
    # How long a start may take until the server is ready.
    ready_timeout_s = 120.0

    def prepare(self, place: Place) -> None:
        """Make folders and configuration; called before each start."""
        for folder in (place.data, place.run):
            server_user.passage(folder.parent)
            private_files.folder(folder)

    @abstractmethod
    def command(self, place: Place) -> Sequence[str | Path]:
        """The program and its arguments; no secret is among them."""

    def environment(self, place: Place) -> Mapping[str, str]:
        """Variables of its own, beside those that every program expects."""
        del place
        return {}

    def identity(self, place: Place) -> Identity | None:
        """Whom it runs as; None for who we are."""
        del place
        return None

    def ports(self, place: Place) -> Sequence[int]:
        """Every port it listens on."""
        return (place.port,)

    @abstractmethod
    def answers(self, place: Place) -> bool:
        """Whether it answers a request in its own protocol."""

    def ready(self, place: Place) -> bool:
        """Whether it is ready for commands. It is called after a start and may take longer than `answers`."""
        return self.answers(place)

    def launch(self, place: Place, command: Sequence[str | Path]) -> Launch:
        """A command run as this server is."""
        variables = {"TMPDIR": str(place.run), **self.environment(place)}
        return Launch(command, self.identity(place), place.data, variables, place.home)


def exchange(port: int, request: bytes, answer_bytes: int = 512, wait_s: float = PROBE_TIMEOUT_S) -> bytes:
    """Send a request to a local port and return the beginning of the answer; empty when nobody answers in time."""
    with (
        contextlib.suppress(OSError),
        socket.create_connection((LOOPBACK, port), timeout=wait_s) as connection,
    ):
        connection.sendall(request)
        return connection.recv(answer_bytes)
    return b""


def wheel(package: str) -> Path:
    """Folder of an installed package, found without importing it: two of the wheels write to disk when imported.

    Raises:
        ServerFailed: it is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ServerFailed(
            f"the package {package} is not installed", fix="install shoplake with all of its dependencies"
        )
    return Path(next(iter(spec.submodule_search_locations)))
