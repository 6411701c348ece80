"""The servers a shop needs, run on this machine without Docker or an installed Java."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from shoplake.stack import capabilities as _capabilities
from shoplake.stack.aws_endpoint import Answering, identify
from shoplake.stack.capabilities import CAPABILITIES, Capability, Support, support
from shoplake.stack.embedded import down, purge, up
from shoplake.stack.mongo import DATABASE as MONGO_DATABASE
from shoplake.stack.postgres import DATABASE as POSTGRES_DATABASE
from shoplake.stack.postgres import USER as POSTGRES_USER
from shoplake.stack.servers import LOOPBACK
from shoplake.stack.status import SERVERS, ServerStatus, Status, log_file, logs, require_running, status

__all__ = [
    "CAPABILITIES",
    "SERVERS",
    "Answering",
    "Capability",
    "Connections",
    "ServerStatus",
    "Status",
    "Support",
    "connections",
    "down",
    "environment",
    "identify",
    "log_file",
    "logs",
    "missing",
    "purge",
    "status",
    "support",
    "switches",
    "up",
]


@dataclass(frozen=True, slots=True)
class Connections:
    """How to reach each server."""

    kafka_bootstrap_servers: str
    postgres_host: str
    postgres_port: int
    postgres_database: str
    postgres_user: str
    postgres_password: SecretStr
    redis_host: str
    redis_port: int
    redis_password: SecretStr
    mongo_uri: str
    mongo_database: str
    aws_endpoint_url: str


def connections() -> Connections:
    """Addresses and credentials of the running stack.

    Raises:
        StackNotRunning: it is down, or a server of it died.
    """
    state = require_running()
    return Connections(
        kafka_bootstrap_servers=f"{LOOPBACK}:{state.ports['kafka']}",
        postgres_host=LOOPBACK,
        postgres_port=state.ports["postgres"],
        postgres_database=POSTGRES_DATABASE,
        postgres_user=POSTGRES_USER,
        postgres_password=SecretStr(state.passwords["postgres"]),
        redis_host=LOOPBACK,
        redis_port=state.ports["valkey"],
        redis_password=SecretStr(state.passwords["valkey"]),
        mongo_uri=f"mongodb://{LOOPBACK}:{state.ports['mongo']}",
        mongo_database=MONGO_DATABASE,
        aws_endpoint_url=state.aws_url,
    )


def environment() -> dict[str, str]:
    """What points the AWS libraries and Terraform at the emulator; its credentials are no secret.

    Raises:
        StackNotRunning: the stack is down.
    """
    return {
        "AWS_ENDPOINT_URL": connections().aws_endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def switches() -> dict[str, bool]:
    """What the local environment makes on the emulator that answers, by service: Terraform's `capabilities`.

    Raises:
        StackNotRunning: the stack is down, or its emulator does not answer.
        StackError: something else answers there.
    """
    return _capabilities.switches(identify(connections().aws_endpoint_url).emulator)


def missing() -> frozenset[str]:
    """Services that the emulator which answers does not have, by boto3's names.

    Raises:
        StackNotRunning: the stack is down, or its emulator does not answer.
        StackError: something else answers there.
    """
    return _capabilities.missing(identify(connections().aws_endpoint_url).emulator)
