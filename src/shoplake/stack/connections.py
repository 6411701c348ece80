"""Addresses and credentials of the servers, for every kind of stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import SecretStr

Service = Literal["kafka", "postgres", "valkey", "mongo", "aws"]
"""What a command can need of a stack; `aws` is the emulator, whichever it is."""
SERVICES: frozenset[Service] = frozenset(get_args(Service))


def service_of(server: str) -> str:
    """The service that a server of a stack is: both emulators are `aws`."""
    return "aws" if server in ("ministack", "localstack") else server


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
