"""What every sink promises, held against single stores that testcontainers starts from the official images."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from pydantic import SecretStr
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy
from tests.emulators import Running
from tests.integration.test_sinks import subject, test_a_sink_conforms, test_a_text_is_stored_unchanged
from tests.own_stack import own_home

from shoplake.contract import TOPICS
from shoplake.infra import runner
from shoplake.infra.tfvars import variables_from
from shoplake.settings import Settings
from shoplake.settings import load as load_settings
from shoplake.sinks.lake.tables import create_table, open_catalog
from shoplake.sinks.postgres.migrate import migrate
from shoplake.stack import Connections
from shoplake.stack.state import free_ports

pytestmark = pytest.mark.stack

__all__ = ["subject", "test_a_sink_conforms", "test_a_text_is_stored_unchanged"]

CAPABILITIES = {"capabilities": "{glue = false, rds = false}"}


@pytest.fixture(scope="module")
def stores(localstack: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A container per store, Terraform's part on LocalStack, and no Kafka: a sink knows nothing of it."""
    password = secrets.token_urlsafe(16)
    postgres, mongo, valkey = free_ports(3)
    with ExitStack() as running, own_home(tmp_path_factory.mktemp("stores") / "home") as patch:
        running.enter_context(
            _container("postgres:18", 5432, postgres, "listening on IPv4 address")
            .with_env("POSTGRES_USER", "shoplake")
            .with_env("POSTGRES_PASSWORD", password)
        )
        running.enter_context(_container("mongo:8", 27017, mongo, "(?i)waiting for connections|listening"))
        running.enter_context(
            _container("valkey/valkey:9", 6379, valkey, "Ready to accept connections").with_command(
                f"valkey-server --requirepass {password}"
            )
        )
        for name, value in localstack.environment.items():
            patch.setenv(name, value)
        localstack.wipe()
        here = Connections(
            kafka_bootstrap_servers="127.0.0.1:9",
            postgres_host="127.0.0.1",
            postgres_port=postgres,
            postgres_database="shoplake",
            postgres_user="shoplake",
            postgres_password=SecretStr(password),
            redis_host="127.0.0.1",
            redis_port=valkey,
            redis_password=SecretStr(password),
            mongo_uri=f"mongodb://127.0.0.1:{mongo}",
            mongo_database="shoplake",
            aws_endpoint_url=localstack.url,
        )
        runner.apply("local", variables=variables_from(here) | CAPABILITIES, environment=localstack.environment)
        found = load_settings("local")
        migrate(found.postgres.url())
        catalog = open_catalog(found)
        for topic in TOPICS.values():  # a sink that makes them asks Kafka for the contract version in force
            create_table(catalog, found.lake.database, topic)
        yield found


def _container(image: str, inside: int, port: int, ready: str) -> DockerContainer:
    container = DockerContainer(image).waiting_for(LogMessageWaitStrategy(ready).with_startup_timeout(120))
    container.ports[f"{inside}/tcp"] = ("127.0.0.1", port)  # loopback alone
    return container
