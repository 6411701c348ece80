"""The local environment of one home on one emulator, run as the program runs it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.emulators import Running

from shoplake import settings
from shoplake.errors import InfraError
from shoplake.infra import environments, runner
from shoplake.infra.terraform_output import Report
from shoplake.infra.tfvars import ConnectionsLike, variables_from
from shoplake.stack.capabilities import switches


@dataclass(frozen=True)
class Invented:
    """Connections to nothing, for tests that read what was written and connect nowhere."""

    kafka_bootstrap_servers: str = "127.0.0.1:19092"
    postgres_host: str = "127.0.0.1"
    postgres_port: int = 15432
    postgres_database: str = "shoplake"
    postgres_user: str = "shoplake"
    postgres_password: SecretStr = field(default_factory=lambda: SecretStr("pg-secret-1f7a"))
    redis_host: str = "127.0.0.1"
    redis_port: int = 16379
    redis_password: SecretStr = field(default_factory=lambda: SecretStr("redis-secret-9c2e"))
    mongo_uri: str = "mongodb://127.0.0.1:27018"
    mongo_database: str = "shoplake"


def quiet(_: str) -> None:
    """Says nothing; a failure carries Terraform's words itself."""


@dataclass(frozen=True)
class LocalRoot:
    """What a test does with the environment; without RDS unless asked, since a fixed wait makes that cost 80 s."""

    emulator: Running
    home: Path
    connections: ConnectionsLike = field(default_factory=Invented)
    rds: bool = False

    @property
    def variables(self) -> Mapping[str, str]:
        made = switches(self.emulator.kind)
        return variables_from(self.connections) | {"capabilities": json.dumps(made | {"rds": made["rds"] and self.rds})}

    def given(self, **changed: Any) -> LocalRoot:
        """The same environment with other connections."""
        return replace(self, connections=replace(self.connections, **changed))  # type: ignore[type-var]

    def apply(self, report: Report = quiet) -> runner.Applied:
        with self.entered():
            return runner.apply("local", variables=self.variables, environment=self.emulator.environment, report=report)

    def apply_until_usable(self) -> None:
        """Stop as soon as all that programs use is there; of what there is, RDS alone is still waited for."""
        ready = threading.Event()
        with self.entered(), pytest.raises(InfraError, match="stopped"):
            runner.apply(
                "local",
                variables=self.variables,
                environment=self.emulator.environment,
                report=quiet,
                ready=ready,
                cancel=ready,
            )

    def plan(self, **environment: str) -> runner.Planned:
        """What an apply would change, with some of AWS's variables set differently."""
        aws = self.emulator.environment | environment
        with self.entered():
            return runner.plan("local", variables=self.variables, environment=aws, report=quiet)

    def destroy(self) -> runner.Destroyed:
        with self.entered():
            return runner.destroy(
                "local", variables=self.variables, environment=self.emulator.environment, report=quiet
            )

    def outputs(self) -> dict[str, Any]:
        with self.entered():
            return runner.outputs("local", environment=self.emulator.environment, report=quiet)

    def shell_environment(self) -> dict[str, str]:
        """What `shoplake env` exports."""
        with self.entered():
            return runner.shell_environment("local", variables=self.variables, environment=self.emulator.environment)

    def settings(self) -> settings.Settings:
        """What the program reads back."""
        with self.entered():
            return settings.load("local")

    @property
    def state(self) -> Path:
        with self.entered():
            return environments.named("local").state

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The environment variables of this home and emulator, which the program reads."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SHOPLAKE_HOME", str(self.home))
            for name, value in self.emulator.environment.items():
                patch.setenv(name, value)
            yield
