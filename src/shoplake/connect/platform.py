"""What is known of a running stack: its servers, its emulator of AWS, and what Terraform named there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from shoplake import environ, settings, stack
from shoplake.errors import InfraError
from shoplake.settings import DynamoDBSettings, LakeSettings
from shoplake.stack import Connections, Service

ENVIRONMENT = "local"


@dataclass(frozen=True, slots=True)
class Platform:
    """A running stack.

    Attributes:
        servers: addresses and credentials.
        aws: `AWS_…` variables of the emulator. Its keys are no secret.
        tables: names of the DynamoDB tables, None if Terraform has not made them.
        lake: bucket and catalogue, None if Terraform has not made them.
    """

    servers: Connections
    aws: Mapping[str, str]
    tables: DynamoDBSettings | None = None
    lake: LakeSettings | None = None


def of_servers(services: Collection[Service]) -> Platform:
    """The stack without what Terraform made.

    Args:
        services: the servers that have to run.

    Raises:
        StackNotRunning: there is no stack, or one of these servers is down.
    """
    servers = stack.connections(services)
    return Platform(servers, stack.environment_of(servers))


def applied(services: Collection[Service]) -> Platform:
    """The stack with what Terraform made. From here on this process works on its emulator.

    Raises:
        StackNotRunning: there is no stack, or one of these servers or the emulator is down.
        InfraError: the environment has not been applied.
    """
    found = of_servers({*services, "aws"})
    environ.use_stack(found.aws)
    known = settings.load(ENVIRONMENT)
    return Platform(found.servers, found.aws, known.dynamodb, known.lake)


def as_far_as_applied(services: Collection[Service]) -> Platform:
    """As `applied`; without tables and lake if the environment has not been applied.

    Raises:
        StackNotRunning: there is no stack, or one of these servers or the emulator is down.
    """
    try:
        return applied(services)
    except InfraError:
        return of_servers(services)
