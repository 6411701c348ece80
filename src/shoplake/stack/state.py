"""The state of a stack between commands: ports, passwords and ids, in one file that only its owner can read."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import random
import secrets
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from shoplake import private_files
from shoplake.errors import PortTaken, StackError, UsageError
from shoplake.stack import server_user

PORTS = ("kafka", "kafka-controller", "postgres", "valkey", "mongo", "ministack")
LOWEST_PORT = 20000
LOWEST_UNPRIVILEGED = 1024
PORT_BASE = "SHOPLAKE_PORT_BASE"
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
PORT_TRIES = 1000
# What a stack and the launcher write in a home; SHOPLAKE_HOME may point at a folder that holds other things as well.
OURS = frozenset({".lock", "stack.json", "data", "run", "logs", "terraform", "uv", "venv", "cache", "dagster"})

Say = Callable[[str], None]


def silent(_: str) -> None:
    """Ignore a progress message."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Chosen at the first start and kept.

    Attributes:
        ports: server (or listener) -> TCP port on 127.0.0.1.
        passwords: server -> generated password.
        cluster_id: Kafka's, as its storage format wants it.
        aws_endpoint: an emulator that somebody else runs, None for the stack's own.
        alone: nothing of anybody else was in the home when the stack came, so all that is in it may be removed.
    """

    ports: dict[str, int]
    passwords: dict[str, str]
    cluster_id: str
    aws_endpoint: str | None = None
    alone: bool = False

    @property
    def aws_url(self) -> str:
        """Where AWS is, for this stack."""
        return self.aws_endpoint or f"http://127.0.0.1:{self.ports['ministack']}"


def load(home: Path) -> State | None:
    """The state of the stack at `home`, None where there is no stack.

    Raises:
        StackError: the file is not readable as a state.
    """
    path = home / "stack.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (msgspec.MsgspecError, OSError) as error:
        raise StackError(
            f"{path} is not a state file of this version: {error}", fix="`shoplake down --purge`, then `shoplake up`"
        ) from error


def load_or_create(home: Path, aws_endpoint: str | None = None) -> State:
    """The state, made with free ports, new passwords and that endpoint where there is none. Call it under `lock`."""
    found = load(home)
    if found is not None:
        refuse_other_ports(found.ports)
        return found
    state = State(
        ports=new_ports(PORTS),
        passwords={name: secrets.token_urlsafe(24) for name in ("postgres", "valkey")},
        cluster_id=random_id(),
        aws_endpoint=aws_endpoint,
        alone={entry.name for entry in home.iterdir()} <= OURS,
    )
    private_files.write(home / "stack.json", msgspec.json.format(msgspec.json.encode(state)))
    return state


@contextlib.contextmanager
def lock(home: Path, say: Say = lambda _: None) -> Iterator[None]:
    """One `up` or `down` of a stack at a time; a second one waits. The kernel frees it when its holder dies.

    Raises:
        StackError: the home cannot be written.
    """
    descriptor = _acquire(home, say)
    try:
        yield
    finally:
        os.close(descriptor)


def new_ports(names: Sequence[str]) -> dict[str, int]:
    """Ports for a new stack: drawn, or one after the other from `SHOPLAKE_PORT_BASE`.

    Raises:
        UsageError: that is no port, or leaves too few.
        PortTaken: another program uses one of them.
        StackError: there are no free ports to draw.
    """
    base = _port_base(len(names))
    if base is None:
        return dict(zip(names, free_ports(len(names)), strict=True))
    ports = {name: base + place for place, name in enumerate(names)}
    if taken := [f"{port} ({name})" for name, port in ports.items() if not is_free(port)]:
        raise PortTaken(
            f"another program uses port {', '.join(taken)}, which {PORT_BASE}={base} gives to this stack",
            fix=f"stop that program, or choose another {PORT_BASE}",
        )
    return ports


def refuse_other_ports(ports: Mapping[str, int]) -> None:
    """Refuse a stack whose ports are not those that `SHOPLAKE_PORT_BASE` asks for.

    Raises:
        UsageError: they are others.
    """
    base = _port_base(len(ports))
    if base is not None and list(ports.values()) != list(range(base, base + len(ports))):
        have = ", ".join(f"{name} {port}" for name, port in ports.items())
        raise UsageError(
            f"{PORT_BASE} is {base}, but this stack has other ports: {have}",
            fix=f"`shoplake down --purge` deletes the stack with its data; or unset {PORT_BASE}",
        )


def _port_base(count: int) -> int | None:
    text = os.environ.get(PORT_BASE, "").strip()
    if not text:
        return None
    highest = 65536 - count
    if not text.isdecimal() or not LOWEST_UNPRIVILEGED <= int(text) <= highest:
        raise UsageError(
            f"{PORT_BASE}: expected a port from {LOWEST_UNPRIVILEGED} to {highest}, found '{text}'",
            fix=f"the stack uses {count} ports from there on",
        )
    return int(text)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, below those that the kernel gives to outgoing connections.

    A port that the kernel chose itself would be given out again while the stack is down.

    Raises:
        StackError: there are none.
    """
    chosen: list[int] = []
    highest = _lowest_ephemeral()
    for _ in range(PORT_TRIES):
        port = random.randrange(LOWEST_PORT, highest)  # noqa: S311 - no secret
        if port not in chosen and is_free(port):
            chosen.append(port)
        if len(chosen) == count:
            return chosen
    raise StackError(
        f"expected {count} free ports between {LOWEST_PORT} and {highest}, found fewer",
        fix="stop programs that use ports",
    )


def is_free(port: int) -> bool:
    """Whether a server could listen on the port of 127.0.0.1; connections that just ended there do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _lowest_ephemeral() -> int:
    try:
        lowest = int(EPHEMERAL.read_text().split()[0])
    except (OSError, ValueError):
        lowest = 32768  # Linux's default
    return lowest if lowest > LOWEST_PORT + 1000 else 65536


def _acquire(home: Path, say: Say) -> int:
    path = home / ".lock"
    while True:
        try:
            _make_private(home)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StackError(
                f"the stack's home {home} cannot be written: {error.strerror}",
                fix="set SHOPLAKE_HOME to a folder that you can write to",
            ) from error
        try:
            _wait_for(descriptor, say)
            # A purge removes the file with the home; who waited for that one has to begin again.
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _make_private(home: Path) -> None:
    """A folder that holds somebody else's things as well keeps its mode: all that we put into it is closed itself."""
    if not home.exists() or {entry.name for entry in home.iterdir()} <= OURS:
        server_user.passage(home)


def _wait_for(descriptor: int, say: Say) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another command is using this stack; waiting for it")
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def random_id() -> str:
    """A random id of a Kafka cluster or folder. A dash at its beginning would be an option to Kafka's tools."""
    while (drawn := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return drawn
