"""The servers in containers (docker-compose.yml), with a project name, ports and passwords per home.

The program itself runs on the host and connects through 127.0.0.1. The other services of the compose file (sinks,
Terraform) are used only by a plain `docker compose up`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import textwrap
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

import msgspec
from pydantic import SecretStr

from shoplake import paths, private_files
from shoplake.errors import ServerFailed, StackError, UnknownName, UsageError
from shoplake.stack import docker
from shoplake.stack.capabilities import Emulator
from shoplake.stack.connections import SERVICES, Connections, Service, service_of
from shoplake.stack.servers import LOOPBACK
from shoplake.stack.state import Say, lock, new_ports, refuse_other_ports
from shoplake.stack.status import ServerStatus, Status, not_running, note_ready, read_ready

SERVERS = ("kafka", "postgres", "valkey", "mongo")
PORTS = {"kafka": "KAFKA", "postgres": "POSTGRES", "valkey": "REDIS", "mongo": "MONGO", "aws": "AWS"}
SECRETS = ("postgres", "valkey")
UP_TIMEOUT_S = 600  # images are pulled at the first start
WAIT_S = 180
DOWN_TIMEOUT_S = 120
LOG_LINES = 15


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Chosen at the first start and kept: the project's name, its emulator, its ports and what its volumes hold."""

    project: str
    emulator: Emulator
    ports: dict[str, int]
    passwords: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def services(self) -> tuple[str, ...]:
        """Servers of the compose file that this stack runs."""
        return (*SERVERS, self.emulator)


def exists(home: Path) -> bool:
    """Whether this home's stack is one of containers."""
    return _file(home).is_file()


def up(home: Path, say: Say, emulator: Emulator | None) -> Status:
    """Start the containers and wait until each is healthy.

    Raises:
        StackError: Docker is missing or fails, or a container is not healthy. The message has its last lines.
        UsageError: this stack began with the other emulator.
    """
    docker.refuse_unable()
    with lock(home, say):
        state = _load_or_create(home, emulator)
        say(f"starting {', '.join(state.services)} as project {state.project}")
        begun = time.monotonic()
        wait = ("--detach", "--wait", "--wait-timeout", str(WAIT_S))
        done = _compose(state, "up", *wait, *state.services, timeout_s=UP_TIMEOUT_S, check=False)
        if done.returncode:
            raise _not_up(state, done.stderr)
        private_files.folder(home / "run")
        note_ready(home / "run", time.monotonic() - begun)
        _save(home, msgspec.structs.replace(state, passwords={name: _secret(state, name) for name in SECRETS}))
    return status(home)


def down(home: Path, say: Say) -> None:
    """Remove the containers; volumes stay, except LocalStack's and MiniStack's, which have none."""
    with lock(home, say):
        _compose(_known(home), "down", "--remove-orphans", timeout_s=DOWN_TIMEOUT_S)


def purge(home: Path, say: Say) -> None:
    """Remove containers, networks, volumes, and what of this home is the stack's."""
    with lock(home, say):
        _compose(_known(home), "down", "--remove-orphans", "--volumes", timeout_s=DOWN_TIMEOUT_S)
        _file(home).unlink()
        for folder in ("run", "logs", "terraform"):
            shutil.rmtree(home / folder, ignore_errors=True)


def status(home: Path) -> Status:
    """Each container's state, port and memory."""
    state = _known(home)
    found = {one["Service"]: one for one in _containers(state)}
    memory = _memory(state) if found else {}
    servers = tuple(_look_at(state, name, found.get(name), memory.get(name, 0)) for name in state.services)
    return Status(home, servers, read_ready(home / "run"))


def logs(home: Path, service: str, lines: int) -> str:
    """The last lines of a container's output.

    Raises:
        UsageError: there is no such server.
    """
    state = _known(home)
    if service not in state.services:
        raise UnknownName(f"there is no server '{service}'", fix=f"choose from {', '.join(state.services)}")
    return _compose(state, "logs", "--no-color", "--no-log-prefix", "--tail", str(lines), service).stdout.rstrip()


def connections(home: Path, services: Collection[Service] = SERVICES) -> Connections:
    """Addresses on loopback, and the passwords that the containers drew.

    Args:
        home: whose.
        services: which have to be healthy.

    Raises:
        StackNotRunning: one of those is not.
    """
    state = _known(home)
    for server in status(home).servers:
        if service_of(server.name) in services and server.state != "running":
            raise not_running(server.name, server.state, server.log_tail)
    return Connections(
        kafka_bootstrap_servers=f"{LOOPBACK}:{state.ports['kafka']}",
        postgres_host=LOOPBACK,
        postgres_port=state.ports["postgres"],
        postgres_database="shoplake",
        postgres_user="shoplake",
        postgres_password=SecretStr(state.passwords["postgres"]),
        redis_host=LOOPBACK,
        redis_port=state.ports["valkey"],
        redis_password=SecretStr(state.passwords["valkey"]),
        mongo_uri=f"mongodb://{LOOPBACK}:{state.ports['mongo']}",
        mongo_database="shoplake",
        aws_endpoint_url=f"http://{LOOPBACK}:{state.ports['aws']}",
    )


def _file(home: Path) -> Path:
    return home / "compose.json"


def _known(home: Path) -> State:
    try:
        return msgspec.json.decode(_file(home).read_bytes(), type=State)
    except (msgspec.MsgspecError, OSError) as error:
        raise StackError(
            f"{_file(home)} is not a state file of this version: {error}",
            fix="remove it, and the project's containers with `docker compose ls` and `docker compose -p NAME down -v`",
        ) from error


def _load_or_create(home: Path, emulator: Emulator | None) -> State:
    if exists(home):
        state = _known(home)
        refuse_other_ports(state.ports)
        if emulator not in (None, state.emulator):
            raise UsageError(
                f"this stack has {state.emulator}, not {emulator}",
                fix="`shoplake down --purge` removes it, so that you can start over",
            )
        return state
    state = State(
        project="shoplake-" + hashlib.sha256(str(home).encode()).hexdigest()[:8],
        emulator=emulator or "localstack",
        ports=new_ports(list(PORTS)),
    )
    _save(home, state)
    return state


def _save(home: Path, state: State) -> None:
    private_files.write(_file(home), msgspec.json.format(msgspec.json.encode(state)))


def _compose(
    state: State, *arguments: str, timeout_s: float = docker.SHORT_TIMEOUT_S, check: bool = True
) -> subprocess.CompletedProcess[str]:
    environment = {f"SHOPLAKE_{variable}_PORT": str(state.ports[name]) for name, variable in PORTS.items()}
    environment |= {"COMPOSE_PROFILES": state.emulator, "SHOPLAKE_PROJECT": state.project}
    # Compose would read a file `.env` beside the project's own.
    root = ("--env-file", os.devnull, "--project-directory", str(paths.project_root()), "--project-name", state.project)
    return docker.run("compose", *root, *arguments, environment=environment, timeout_s=timeout_s, check=check)


def _containers(state: State) -> list[dict[str, Any]]:
    return docker.lines_of_json(_compose(state, "ps", "--all", "--format", "json").stdout)


def _memory(state: State) -> dict[str, int]:
    names = {one["Name"]: one["Service"] for one in _containers(state) if one["State"] == "running"}
    if not names:
        return {}
    done = docker.run("stats", "--no-stream", "--format", "{{json .}}", *names, check=False)
    found = docker.lines_of_json(done.stdout)
    return {names[one["Name"]]: docker.bytes_of(one["MemUsage"]) for one in found if one["Name"] in names}


def _look_at(state: State, name: str, container: dict[str, Any] | None, rss_bytes: int) -> ServerStatus:
    port = state.ports[name if name in PORTS else "aws"]
    if container is None:
        return ServerStatus(name, "stopped", port)
    kind: Literal["running", "silent", "crashed"] = "crashed"
    if container["State"] == "running":
        kind = "running" if container.get("Health") in ("healthy", "") else "silent"
    tail = "" if kind == "running" else _tail(state, name)
    return ServerStatus(name, kind, port, rss_bytes=rss_bytes, log_tail=tail)


def _tail(state: State, service: str) -> str:
    command = ("logs", "--no-color", "--no-log-prefix", "--tail", str(LOG_LINES), service)
    return _compose(state, *command, check=False).stdout.rstrip()


def _secret(state: State, name: str) -> str:
    """From the container that uses it; the volume is nobody else's."""
    return _compose(state, "exec", "-T", name, "cat", f"/run/shoplake/{name}").stdout.strip()


def _not_up(state: State, output: str) -> StackError:
    """Return an error with the last lines of the failed container, or else with the output of Compose."""
    wrong = [one for one in _containers(state) if one["Service"] in state.services and one.get("Health") != "healthy"]
    started = [one for one in wrong if one["State"] != "created"]
    known = docker.explained(output, "docker compose up")
    if not started or type(known) is not ServerFailed:
        return known
    name, how = started[0]["Service"], started[0].get("Status") or started[0]["State"]
    return ServerFailed(
        f"{name} did not become healthy ({how})",
        fix=f"`docker compose -p {state.project} logs {name}` shows all of it; `shoplake up` tries again",
        details=f"the end of its log:\n{textwrap.indent(_tail(state, name), '  ')}",
    )
