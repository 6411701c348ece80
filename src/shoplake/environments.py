"""The environments as commands meet them: the local one stands on the embedded stack, which has to be pointed at."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from shoplake import contract_log, environ, settings, stack
from shoplake.errors import InfraError
from shoplake.sinks import SINKS
from shoplake.sinks.postgres.migrate import admit, migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from shoplake.settings import KafkaSettings, Settings
    from shoplake.stack import Service

LOCAL = "local"
POLL_S = 1.0


LOG = "log"
EVERYTHING = (LOG, *SINKS)
_SERVICES: Mapping[str, Service] = {
    "lake": "aws",
    "dynamodb": "aws",
    "postgres": "postgres",
    "mongo": "mongo",
    "redis": "valkey",
}


def connect(environment: str = LOCAL, uses: Iterable[str] = EVERYTHING) -> Settings:
    """Settings of an environment; for the local one, AWS_* point at its emulator from here on.

    Args:
        environment: whose.
        uses: what the caller will talk to: names of sinks, and `log`. Servers of the local stack that none of them
            needs may be down; the settings themselves are in its emulator.

    Raises:
        StackNotRunning: a server of the local stack that is needed is down.
        InfraError: the environment was not applied.
    """
    used = frozenset(uses)
    if environment == LOCAL:
        stack.connections(services_of(used))
    found = _settings(environment)
    if environment == LOCAL and "lake" in used and found.lake.catalog == "sql":
        stack.connections({"postgres"})
    return found


def services_of(uses: Iterable[str]) -> frozenset[Service]:
    """The servers of the local stack that a command needs: those of the stores, and the one that holds the settings."""
    return frozenset({"aws", *(_SERVICES.get(name, "kafka") for name in uses)})


def _settings(environment: str) -> Settings:
    if environment == LOCAL:
        environ.use_stack(stack.environment())
    return settings.load(environment)


def connect_when_applied(
    environment: str, waiting: Callable[[InfraError], None], uses: Iterable[str] = EVERYTHING
) -> Settings:
    """As `connect`, but where the environment was not applied, wait until it is.

    Args:
        environment: whose settings.
        waiting: told once a second what is missing.
        uses: as for `connect`.

    Raises:
        StackNotRunning: the local stack is down.
    """
    used = frozenset(uses)
    while True:
        try:
            return connect(environment, used)
        except InfraError as error:
            waiting(error)
        time.sleep(POLL_S)


def kafka_cluster(environment: str = LOCAL) -> KafkaSettings:
    """How to reach Kafka; the local stack's own, so that publishing needs no Terraform.

    Raises:
        StackNotRunning: the local stack is down.
        InfraError: another environment was not applied.
    """
    if environment == LOCAL:
        return settings.KafkaSettings(bootstrap_servers=stack.connections({"kafka"}).kafka_bootstrap_servers)
    return connect(environment, {LOG}).kafka


def prepare(environment: str = LOCAL) -> None:
    """What belongs to an environment and is not Terraform's: topics, the database's user, the relational schema.

    Harmless when repeated.

    Raises:
        StackNotRunning: the local stack is down.
        InfraError: the environment was not applied, or the secret of its database could not be read.
        StreamHalted: Kafka did not answer.
        StoreUnavailable: Postgres did not answer.
    """
    if environment == LOCAL:
        prepare_stack()
        return
    found = connect(environment, (LOG, "postgres"))
    asyncio.run(contract_log.prepare(found.kafka))
    if found.postgres.secret_arn:
        from shoplake import iam_auth  # boto3's signers, for AWS alone

        made = iam_auth.made_secret(found.postgres.secret_arn)
        admit(found.postgres.as_user(made.user, made.password), found.postgres.user)
    migrate(found.postgres.url())


def prepare_stack() -> None:
    """What belongs to a stack and is not Terraform's: topics and the relational schema. Harmless when repeated.

    Raises:
        StreamHalted: Kafka did not answer.
        StoreUnavailable: Postgres did not answer.
    """
    here = stack.connections({"kafka", "postgres"})
    asyncio.run(contract_log.prepare(kafka_cluster()))
    migrate(
        settings.PostgresSettings(
            host=here.postgres_host,
            port=here.postgres_port,
            database=here.postgres_database,
            user=here.postgres_user,
            password=here.postgres_password,
        ).url()
    )
