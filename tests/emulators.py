"""The two AWS emulators, each run for tests alone: MiniStack as the stack runs it, LocalStack in a container."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from shoplake.errors import StackError
from shoplake.stack.aws_endpoint import identify
from shoplake.stack.capabilities import MEASURED, Emulator
from shoplake.stack.ministack import MiniStackServer
from shoplake.stack.servers import Place
from shoplake.stack.state import State, free_ports

LOCALSTACK_IMAGE = f"localstack/localstack:{MEASURED['localstack']}"
READY_TIMEOUT_S = 120
ACCOUNT = "000000000000"


@dataclass(frozen=True)
class Running:
    """An emulator that answers; `wipe` throws its state away and leaves it at the same address."""

    kind: Emulator
    port: int
    wipe: Callable[[], None]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What points AWS's tools at it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }

    def client(self, service: str, **credentials: str) -> Any:
        """A boto3 client that does not try again: what an emulator answers first is its answer."""
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"} | credentials
        config = Config(retries={"total_max_attempts": 1}, read_timeout=60, s3={"addressing_style": "path"})
        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1", config=config, **keys)


@contextmanager
def ministack(folder: Path) -> Iterator[Running]:
    """MiniStack with the stack's own configuration: no Docker, so nothing behind its servers."""
    (port,) = free_ports(1)
    server = MiniStackServer()
    place = Place(folder, server.name, State(ports={server.name: port}, passwords={}, cluster_id=""))
    server.prepare(place)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    running = Running("ministack", port, lambda: post(f"http://127.0.0.1:{port}/_ministack/reset"))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(part) for part in server.command(place)],
            env={**inherited, **server.environment(place)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(running, process.poll, (folder / "log").read_text)
            yield running
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(30)


@contextmanager
def localstack() -> Iterator[Running]:
    """LocalStack in a container of its own; a wipe is a new container, for it keeps nothing on disk."""
    from testcontainers.core.container import DockerContainer

    (port,) = free_ports(1)
    containers: list[DockerContainer] = []

    def start() -> None:
        container = DockerContainer(LOCALSTACK_IMAGE).with_env("DISABLE_EVENTS", "1")
        # Loopback alone; `with_bind_ports` would listen on every interface.
        container.ports["4566/tcp"] = ("127.0.0.1", port)
        containers.append(container)
        container.start()
        wait_for(running, lambda: None, lambda: "\n".join(part.decode() for part in container.get_logs()))

    def wipe() -> None:
        containers.pop().stop()
        start()

    running = Running("localstack", port, wipe)
    try:
        start()
        yield running
    finally:
        for container in containers:
            container.stop()


def require_localstack() -> None:
    """Skip where Docker or the image is missing; SHOPLAKE_REQUIRE_DOCKER=1 fetches the image, and fails without it."""
    # Its image is one more to fetch, and what these tests start they end themselves.
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    required = os.environ.get("SHOPLAKE_REQUIRE_DOCKER") == "1"
    lacking = lacking_docker(pull=required)
    if lacking and required:
        pytest.fail(f"SHOPLAKE_REQUIRE_DOCKER=1, and {lacking}", pytrace=False)
    if lacking:
        pytest.skip(f"{lacking}; SHOPLAKE_REQUIRE_DOCKER=1 makes this a failure")


def lacking_docker(*, pull: bool) -> str:
    """What is missing to run LocalStack; empty when nothing is."""
    import docker
    from docker.errors import DockerException, ImageNotFound

    try:
        daemon = docker.from_env()
    except DockerException as error:
        return f"no Docker daemon answers ({error})"
    try:
        if pull and not daemon.images.list(LOCALSTACK_IMAGE):
            daemon.images.pull(LOCALSTACK_IMAGE)
        daemon.images.get(LOCALSTACK_IMAGE)
    except ImageNotFound:
        return f"Docker has no image {LOCALSTACK_IMAGE} (`docker pull {LOCALSTACK_IMAGE}`)"
    except DockerException as error:
        return f"Docker cannot get {LOCALSTACK_IMAGE} ({error})"
    finally:
        daemon.close()
    return ""


def wait_for(running: Running, exit_code: Callable[[], int | None], log: Callable[[], str]) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        assert exit_code() is None, log()
        try:
            assert identify(running.url).emulator == running.kind
        except StackError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"{running.kind} was not ready in {READY_TIMEOUT_S} s:\n{log()}")


def post(url: str) -> None:
    urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=60).close()
