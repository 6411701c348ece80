"""The environments as commands meet them: the local one stands on the embedded stack, which has to be pointed at."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

from shoplake import kafka, settings, stack
from shoplake.errors import InfraError
from shoplake.sinks.postgres_schema import admit, migrate

if TYPE_CHECKING:
    from collections.abc import Callable

    from shoplake.settings import KafkaSettings, Settings

LOCAL = "local"
POLL_S = 1.0


def connect(environment: str = LOCAL) -> Settings:
    """Settings of an environment; for the local one, AWS_* point at its emulator from here on.

    Raises:
        StackNotRunning: the local stack is down.
        InfraError: the environment was not applied.
    """
    if environment == LOCAL and "AWS_ENDPOINT_URL" not in os.environ:
        os.environ.update(stack.environment())
    return settings.load(environment)


def connect_when_applied(environment: str, waiting: Callable[[InfraError], None]) -> Settings:
    """As `connect`, but where the environment was not applied, wait until it is.

    Args:
        environment: whose settings.
        waiting: told once a second what is missing.

    Raises:
        StackNotRunning: the local stack is down.
    """
    while True:
        try:
            return connect(environment)
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
        return settings.KafkaSettings(bootstrap_servers=stack.connections().kafka_bootstrap_servers)
    return connect(environment).kafka


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
    found = connect(environment)
    asyncio.run(kafka.create_topics(found.kafka))
    if found.postgres.secret_arn:
        from shoplake import login  # boto3's signers, for AWS alone

        made = login.made_secret(found.postgres.secret_arn)
        admit(found.postgres.as_user(made.user, made.password), found.postgres.user)
    migrate(found.postgres.url())


def prepare_stack() -> None:
    """What belongs to a stack and is not Terraform's: topics and the relational schema. Harmless when repeated.

    Raises:
        StreamHalted: Kafka did not answer.
        StoreUnavailable: Postgres did not answer.
    """
    here = stack.connections()
    asyncio.run(kafka.create_topics(kafka_cluster()))
    migrate(
        settings.PostgresSettings(
            host=here.postgres_host,
            port=here.postgres_port,
            database=here.postgres_database,
            user=here.postgres_user,
            password=here.postgres_password,
        ).url()
    )
