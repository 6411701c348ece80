"""Connect to an environment and prepare it. The environment `local` uses the stack on this machine."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from shoplake import contract_log, environ, settings, stack
from shoplake.errors import InfraError
from shoplake.sinks import SINKS
from shoplake.sinks.postgres.migrate import grant_iam_login, migrate

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
    "warehouse": "aws",
    "dynamodb": "aws",
    "postgres": "postgres",
    "mongo": "mongo",
    "redis": "valkey",
}


def connect(environment: str = LOCAL, uses: Iterable[str] = EVERYTHING) -> Settings:
    """Load the settings of an environment. For `local` it also points the AWS_* variables at the emulator.

    Args:
        environment: name of the environment.
        uses: what the caller connects to: names of sinks, and `log`. Other servers of the local stack may be down; the
            emulator holds the settings and is always needed.

    Raises:
        StackNotRunning: a needed server of the local stack is down.
        InfraError: the environment has not been applied.
    """
    used = frozenset(uses)
    if environment == LOCAL:
        stack.connections(services_of(used))
    found = _settings(environment)
    if environment == LOCAL and found.lake.catalog == "sql" and not used.isdisjoint({"lake", "warehouse"}):
        stack.connections({"postgres"})
    return found


def services_of(uses: Iterable[str]) -> frozenset[Service]:
    """The servers of the local stack that a command needs: its stores, and the emulator that holds the settings."""
    return frozenset({"aws", *(_SERVICES.get(name, "kafka") for name in uses)})


def _settings(environment: str) -> Settings:
    if environment == LOCAL:
        environ.use_stack(stack.environment())
    return settings.load(environment)


def connect_when_applied(
    environment: str, waiting: Callable[[InfraError], None], uses: Iterable[str] = EVERYTHING
) -> Settings:
    """Like `connect`, but waits until the environment has been applied.

    Args:
        environment: name of the environment.
        waiting: called once a second with the error that says what is missing.
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
    """The connection to Kafka. For `local` it comes from the stack, so publishing needs no Terraform.

    Raises:
        StackNotRunning: the local stack is down.
        InfraError: an environment other than `local` has not been applied.
    """
    if environment == LOCAL:
        return settings.KafkaSettings(bootstrap_servers=stack.connections({"kafka"}).kafka_bootstrap_servers)
    return connect(environment, {LOG}).kafka


def prepare(environment: str = LOCAL) -> None:
    """Create what Terraform does not: Kafka topics, the database user and the relational schema. Idempotent.

    Raises:
        StackNotRunning: the local stack is down.
        InfraError: the environment has not been applied, or the secret of its database could not be read.
        StreamHalted: Kafka did not answer.
        StoreUnavailable: Postgres did not answer.
    """
    if environment == LOCAL:
        prepare_stack()
        return
    found = connect(environment, (LOG, "postgres"))
    asyncio.run(contract_log.prepare(found.kafka))
    if found.postgres.secret_arn:
        from shoplake import iam_auth  # boto3's signers, needed only on AWS

        master = iam_auth.managed_secret(found.postgres.secret_arn)
        grant_iam_login(found.postgres.as_user(master.user, master.password), found.postgres.user)
    migrate(found.postgres.url())


def prepare_stack() -> None:
    """Create the Kafka topics and the relational schema of the local stack. Idempotent.

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
