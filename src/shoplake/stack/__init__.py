"""The servers of the platform: on this machine without Docker or Java, or in containers."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from shoplake import library_logs, paths
from shoplake.errors import UnknownName, UsageError
from shoplake.stack import capabilities as _capabilities
from shoplake.stack import compose, embedded, external, process
from shoplake.stack import status as embedded_status
from shoplake.stack.aws_endpoint import Answering, identify
from shoplake.stack.capabilities import CAPABILITIES, MEASURED, Capability, Emulator, Support, support
from shoplake.stack.connections import SERVICES, Connections, Service
from shoplake.stack.process import TAIL_LINES
from shoplake.stack.state import Say, load, silent
from shoplake.stack.status import SERVERS, ServerStatus, Status, log_file

__all__ = [
    "CAPABILITIES",
    "KINDS",
    "SERVERS",
    "SERVICES",
    "Answering",
    "Capability",
    "Connections",
    "ServerStatus",
    "Service",
    "Status",
    "Support",
    "connections",
    "down",
    "emulator_named",
    "ensure",
    "environment",
    "environment_of",
    "follow",
    "identify",
    "log_file",
    "logs",
    "missing",
    "purge",
    "status",
    "support",
    "switches",
    "up",
]

KINDS = ("embedded", "compose")
LIBRARIES = "libraries"
"""Name for `logs`: the log of client libraries in commands and workers."""


def up(say: Say = silent, *, kind: str | None = None, emulator: Emulator | None = None) -> Status:
    """Start the servers that are not running, and wait until all are ready.

    Args:
        say: called with progress.
        kind: `embedded` or `compose`. Default: the kind of the existing stack, else embedded.
        emulator: the AWS emulator, for compose only.

    Raises:
        UsageError: unknown kind, or this home has a stack of the other kind.
        StackError: a server did not start. The message says what to do.
    """
    external.refuse_to_run("start")
    home = paths.home()
    wanted = kind or ("compose" if compose.exists(home) else "embedded")
    if wanted not in KINDS:
        raise UnknownName(f"there is no stack of kind '{wanted}'", fix=f"choose from {', '.join(KINDS)}")
    _refuse_other_kind(home, wanted)
    if wanted == "compose":
        return compose.up(home, say, emulator)
    if emulator not in (None, "ministack"):
        raise UsageError(f"the embedded stack uses MiniStack, not {emulator}", fix="add --stack compose")
    return embedded.up(say)


def ensure(say: Say = silent, *, kind: str | None = None, emulator: Emulator | None = None) -> None:
    """Like `up`, but an external stack is used as it is."""
    if not external.exists():
        up(say, kind=kind, emulator=emulator)


def down(say: Say = silent) -> None:
    """Stop every server. Data is kept.

    Raises:
        StackError: a server did not stop.
    """
    home = paths.home()
    compose.down(home, say) if compose.exists(home) else embedded.down(say)


def purge(say: Say = silent) -> None:
    """Stop every server and delete all data, logs, ports and passwords.

    Raises:
        StackError: a server did not stop.
    """
    home = paths.home()
    compose.purge(home, say) if compose.exists(home) else embedded.purge(say)


def status() -> Status:
    """Return the state of the servers.

    Raises:
        StackNotRunning: there is no stack at this home.
    """
    home = paths.home()
    return compose.status(home) if compose.exists(home) else embedded_status.status()


def logs(service: str, lines: int = TAIL_LINES) -> str:
    """Return the last lines of the log of a server, or of client libraries (`LIBRARIES`).

    Raises:
        UsageError: there is no such server.
    """
    if service == LIBRARIES:
        return process.tail(library_logs.file(), lines)
    home = paths.home()
    return compose.logs(home, service, lines) if compose.exists(home) else embedded_status.logs(service, lines)


def follow(service: str, lines: int = TAIL_LINES) -> Iterator[str]:
    """The last lines of a log as by `logs`, then what is written to it, without end.

    Raises:
        UsageError: there is no such server, or it runs in a container.
    """
    if service == LIBRARIES:
        return process.follow(library_logs.file(), lines)
    if compose.exists(paths.home()):
        raise UsageError(
            f"{service} runs in a container, whose log Docker follows",
            fix=f"`docker compose logs --follow {service}`",
        )
    return process.follow(embedded_status.log_file(service), lines)


def connections(services: Collection[Service] = SERVICES) -> Connections:
    """Addresses and credentials of the stack.

    Args:
        services: the services that the caller uses. The others may be down.

    Raises:
        StackNotRunning: one of those is not running.
        StackError: SHOPLAKE_STACK_FILE is not readable.
    """
    if (found := external.connections()) is not None:
        return found
    home = paths.home()
    return compose.connections(home, services) if compose.exists(home) else embedded.connections(services)


def environment() -> dict[str, str]:
    """Return the variables that direct AWS libraries and Terraform to the emulator. Its credentials are not secret.

    Raises:
        StackNotRunning: the emulator is down.
    """
    return environment_of(connections({"aws"}))


def environment_of(servers: Connections) -> dict[str, str]:
    """Return the variables that direct AWS libraries and Terraform to the emulator of these servers."""
    return {
        "AWS_ENDPOINT_URL": servers.aws_endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def switches() -> dict[str, bool]:
    """Return, by service, what the local environment creates on the running emulator: Terraform's `capabilities`.

    Raises:
        StackNotRunning: the stack is down, or its emulator does not answer.
        StackError: something else answers there.
    """
    return _capabilities.switches(identify(connections({"aws"}).aws_endpoint_url).emulator)


def missing() -> frozenset[str]:
    """Return the services that the running emulator lacks, by boto3 name.

    Raises:
        StackNotRunning: the stack is down, or its emulator does not answer.
        StackError: something else answers there.
    """
    return _capabilities.missing(identify(connections({"aws"}).aws_endpoint_url).emulator)


def emulator_named(name: str | None) -> Emulator | None:
    """An emulator by its name.

    Raises:
        UsageError: there is none of that name.
    """
    for known in MEASURED:
        if name == known:
            return known
    if name is not None:
        raise UnknownName(f"there is no emulator '{name}'", fix=f"choose from {', '.join(MEASURED)}")
    return None


def _refuse_other_kind(home: Path, wanted: str) -> None:
    found = "compose" if compose.exists(home) else "embedded" if load(home) is not None else wanted
    if found != wanted:
        raise UsageError(
            f"{home} has a stack of kind '{found}', not '{wanted}'",
            fix="remove it with `shoplake down --purge`, or choose another home with SHOPLAKE_HOME",
        )
