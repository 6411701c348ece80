"""Convert the connections of a stack to Terraform variables. Pure."""

from __future__ import annotations

import hashlib
from typing import Protocol

# Slow on purpose: the version is readable in the state, and must not serve to try passwords.
DIGEST_ROUNDS = 100_000
MAX_VERSION = 2**31 - 1


class Secret(Protocol):
    """A value that does not print itself, such as pydantic's `SecretStr`."""

    def get_secret_value(self) -> str:
        """The value in the clear."""
        ...


class ConnectionsLike(Protocol):
    """The addresses and passwords of a stack."""

    @property
    def kafka_bootstrap_servers(self) -> str: ...  # noqa: D102
    @property
    def postgres_host(self) -> str: ...  # noqa: D102
    @property
    def postgres_port(self) -> int: ...  # noqa: D102
    @property
    def postgres_database(self) -> str: ...  # noqa: D102
    @property
    def postgres_user(self) -> str: ...  # noqa: D102
    @property
    def postgres_password(self) -> Secret: ...  # noqa: D102
    @property
    def redis_host(self) -> str: ...  # noqa: D102
    @property
    def redis_port(self) -> int: ...  # noqa: D102
    @property
    def redis_password(self) -> Secret: ...  # noqa: D102
    @property
    def mongo_uri(self) -> str: ...  # noqa: D102
    @property
    def mongo_database(self) -> str: ...  # noqa: D102


def variables_from(connections: ConnectionsLike) -> dict[str, str]:
    """Return Terraform variables by name, without the `TF_VAR_` prefix. They contain passwords in plain text."""
    postgres_password = connections.postgres_password.get_secret_value()
    redis_password = connections.redis_password.get_secret_value()
    return {
        "kafka_bootstrap_servers": connections.kafka_bootstrap_servers,
        "postgres_host": connections.postgres_host,
        "postgres_port": str(connections.postgres_port),
        "postgres_database": connections.postgres_database,
        "postgres_user": connections.postgres_user,
        "postgres_password": postgres_password,
        "postgres_password_version": str(password_version("postgres", postgres_password)),
        "redis_host": connections.redis_host,
        "redis_port": str(connections.redis_port),
        "redis_password": redis_password,
        "redis_password_version": str(password_version("redis", redis_password)),
        "mongo_uri": connections.mongo_uri,
        "mongo_database": connections.mongo_database,
        "deletion_protection": "false",  # a stack is thrown away, with all that its emulator holds
    }


def password_version(section: str, password: str) -> int:
    """A whole number from 1 that changes with the password: Terraform rewrites a write-only value when it does."""
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), f"shoplake/{section}".encode(), DIGEST_ROUNDS)
    return int.from_bytes(digest[:8], "big") % MAX_VERSION + 1
