"""docker-compose.yml as a whole, run by testcontainers under a project, ports and an image of the tests' own."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from testcontainers.compose import ComposeContainer, DockerCompose

from shoplake import paths
from shoplake.infra import provider_mirror
from shoplake.stack.state import free_ports

PORTS = ("KAFKA", "POSTGRES", "REDIS", "MONGO", "AWS")
COMMAND_TIMEOUT_S = 600
EXACT_TIMEOUT_S = 300
HEALTHY_TIMEOUT_S = 180
POLL_S = 2.0
LABEL = "com.docker.compose.project"


def is_exact(store: dict[str, int]) -> bool:
    """Whether a store holds what the log says, as `verify` counts it."""
    return store["lost"] == store["duplicated"] == store["differing"] == 0


@dataclass
class Containers:
    """A running project.

    Attributes:
        events: how many this project's log holds; `publish` adds to them.
        said: what the last `verify` printed.
    """

    compose: DockerCompose
    project: str
    events: int = 0
    said: subprocess.CompletedProcess[str] | None = None

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`docker compose` with these arguments.

        Raises:
            AssertionError: it failed; what it said is told.
        """
        done = subprocess.run(
            [*self.compose.docker_compose_command(), *arguments],
            cwd=self.compose.context,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        assert not check or done.returncode == 0, f"{' '.join(arguments)}: {done.stdout}\n{done.stderr}"
        return done

    def shoplake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command of ours in a container of its own."""
        return self.run("run", "--rm", "-T", "shoplake", *arguments, check=check)

    def up(self, *arguments: str) -> None:
        """Bring what is missing, and wait until all is healthy or has ended well."""
        self.run("up", "--detach", "--wait", "--wait-timeout", "300", *arguments)

    def publish(self, events: int) -> None:
        """Add events to the log."""
        self.shoplake("generate", "--events", str(self.events + events))
        self.events += events

    def try_to_publish(self, events: int) -> None:
        """As `publish`; one that fails has published some of them, and the next adds the rest."""
        if self.shoplake("generate", "--events", str(self.events + events), check=False).returncode == 0:
            self.events += events

    def port(self, service: str, inside: int) -> int:
        """Where the host finds a port of the service."""
        port = self.compose.get_service_port(service, inside)
        assert port is not None
        return port

    def sql(self, *statements: str) -> None:
        """Have Postgres do these, in one transaction."""
        password = self.run("exec", "-T", "postgres", "cat", "/run/shoplake/postgres").stdout.strip()
        where = f"host=127.0.0.1 port={self.port('postgres', 5432)} dbname=shoplake user=shoplake"
        with psycopg.connect(where, password=password) as connection:
            for statement in statements:
                connection.execute(statement)

    def healthy(self, service: str) -> None:
        """Wait until there are containers of the service, and each says that it is healthy.

        Raises:
            AssertionError: it is not so in time.
        """
        deadline = time.monotonic() + HEALTHY_TIMEOUT_S
        while {one.Health for one in self._running(service)} != {"healthy"}:
            assert time.monotonic() < deadline, self.run("logs", "--tail", "20", service).stdout
            time.sleep(POLL_S)

    def _running(self, service: str) -> list[ComposeContainer]:
        # With `include_all` Compose would look at containers of `run --rm` too, and fail where one goes meanwhile.
        return [one for one in self.compose.get_containers() if one.Service == service]

    def verified(self) -> dict[str, dict[str, int]]:
        """What `verify` finds now, by store; nothing where a store could not be looked at."""
        self.said = self.shoplake("verify", "--json", check=False)
        lines = self.said.stdout.splitlines()
        return dict(json.loads(lines[-1])["stores"]) if lines else {}

    def exact(self) -> dict[str, dict[str, int]]:
        """Wait until every store is exact; nothing may be there twice at any look.

        Raises:
            AssertionError: a store holds something twice, or is not exact in time.
        """
        deadline = time.monotonic() + EXACT_TIMEOUT_S
        while True:
            found = self.verified()
            assert not any(store["duplicated"] for store in found.values()), found
            if found and all(is_exact(store) for store in found.values()):
                assert found["log"]["found"] == self.events
                return found
            assert time.monotonic() < deadline, found or self.said
            time.sleep(POLL_S)

    def down(self) -> None:
        """Remove all of it."""
        self.run("--profile", "*", "down", "--volumes", "--remove-orphans")

    def left(self) -> list[str]:
        """Containers, volumes and networks that bear the project's label."""
        kinds = (["ps", "--all"], ["volume", "ls"], ["network", "ls"])
        asked = [["docker", *kind, "--quiet", "--filter", f"label={LABEL}={self.project}"] for kind in kinds]
        return [name for command in asked for name in subprocess.check_output(command, text=True).split()]

    def crash(self, service: str) -> None:
        """Kill -9 what runs in the service's first container; Docker's restart policy has to bring it back."""
        self.run("exec", "-T", service, "sh", "-c", "kill -9 -1", check=False)

    def restarts(self, service: str) -> int:
        """How often Docker has brought the service's container back."""
        (name,) = self.run("ps", "--quiet", service).stdout.split()
        return int(subprocess.check_output(["docker", "inspect", "--format", "{{.RestartCount}}", name], text=True))


def compose_files() -> tuple[list[str], dict[str, str]]:
    """The compose files for this machine, and what they ask of the environment.

    One that has Terraform and a mirror of its provider may have them because it does not reach HashiCorp's servers.
    """
    found, binary = provider_mirror.find("terraform"), shutil.which("terraform")
    if found is None or binary is None:
        return ["docker-compose.yml"], {}
    offline = {"TF_PLUGIN_MIRROR": str(found.path), "TERRAFORM_BINARY": binary}
    return ["docker-compose.yml", "docker/offline.yml"], offline


@contextmanager
def containers(folder: Path, project: str, *profiles: str) -> Iterator[Containers]:
    """The project from nothing to healthy, and away again with its volumes."""
    root = paths.project_root()
    files, values = compose_files()
    values |= {"SHOPLAKE_PROJECT": project, "SHOPLAKE_IMAGE": "shoplake:tests"}
    values |= {f"SHOPLAKE_{name}_PORT": str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}
    (folder / "values.env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    compose = DockerCompose(
        root,
        compose_file_name=files,
        env_file=str(folder / "values.env"),
        profiles=list(profiles),
        build=True,
        docker_command_path="docker",
    )
    running = Containers(compose, project)
    with pytest.MonkeyPatch.context() as patched:
        if subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode:
            patched.setenv("DOCKER_BUILDKIT", "0")  # Compose would insist on a plugin that is not there
        try:
            running.run("build", "shoplake")
            running.up()
            yield running
        except BaseException:
            print(running.run("logs", "--no-color", "--tail", "30", check=False).stdout)
            raise
        finally:
            running.down()
