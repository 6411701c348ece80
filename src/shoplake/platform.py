"""The environments as commands meet them: the local one stands on the embedded stack, which has to be pointed at."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from shoplake import kafka, settings, stack
from shoplake.sinks.postgres_schema import migrate

if TYPE_CHECKING:
    from shoplake.settings import Settings

LOCAL = "local"


def connect(environment: str = LOCAL) -> Settings:
    """Settings of an environment; for the local one, AWS_* point at its emulator from here on.

    Raises:
        StackNotRunning: the local stack is down.
        InfraError: the environment was not applied.
    """
    if environment == LOCAL and "AWS_ENDPOINT_URL" not in os.environ:
        os.environ.update(stack.environment())
    return settings.load(environment)


def kafka_address(environment: str = LOCAL) -> str:
    """Bootstrap servers; the local stack's own, so that publishing needs no Terraform.

    Raises:
        StackNotRunning: the local stack is down.
        InfraError: another environment was not applied.
    """
    if environment == LOCAL:
        return stack.connections().kafka_bootstrap_servers
    return connect(environment).kafka.bootstrap_servers


def prepare_stack() -> None:
    """What belongs to a stack and is not Terraform's: topics and the relational schema. Harmless when repeated.

    Raises:
        StreamHalted: Kafka did not answer.
        StoreUnavailable: Postgres did not answer.
    """
    here = stack.connections()
    asyncio.run(kafka.create_topics(here.kafka_bootstrap_servers))
    migrate(
        settings.PostgresSettings(
            host=here.postgres_host,
            port=here.postgres_port,
            database=here.postgres_database,
            user=here.postgres_user,
            password=here.postgres_password,
        ).url()
    )
