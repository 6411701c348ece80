"""An external stack, described by the file in SHOPLAKE_STACK_FILE. It is used by shoplake in a container."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from shoplake.errors import StackError
from shoplake.stack.connections import Connections

VARIABLE = "SHOPLAKE_STACK_FILE"


def connections() -> Connections | None:
    """Return the connections in the file. None if the variable is not set.

    Raises:
        StackError: the file or one of its password files is missing or incomplete.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    path = Path(named)
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        postgres, redis = said["postgres"], said["redis"]
        return Connections(
            kafka_bootstrap_servers=said["kafka_bootstrap_servers"],
            postgres_host=postgres["host"],
            postgres_port=int(postgres["port"]),
            postgres_database=postgres["database"],
            postgres_user=postgres["user"],
            postgres_password=_secret(postgres),
            redis_host=redis["host"],
            redis_port=int(redis["port"]),
            redis_password=_secret(redis),
            mongo_uri=said["mongo_uri"],
            mongo_database=said["mongo_database"],
            aws_endpoint_url=said["aws_endpoint_url"],
        )
    except KeyError as error:
        raise StackError(f"{path} has no {error}", fix="docker/stack.toml is a complete example") from error
    except (OSError, ValueError) as error:
        raise StackError(
            f"the stack file in {VARIABLE} cannot be read: {error}", fix=f"unset {VARIABLE}, or correct {path}"
        ) from error


def exists() -> bool:
    """Whether an external stack is used."""
    return bool(os.environ.get(VARIABLE))


def refuse_to_run(what: str) -> None:
    """Raise StackError if the stack is external, because shoplake cannot start or stop it."""
    if exists():
        raise StackError(
            f"shoplake cannot {what} an external stack: {VARIABLE} is {os.environ[VARIABLE]}",
            fix="use the tool that runs it, such as `docker compose`",
        )


def _secret(section: dict[str, Any]) -> SecretStr:
    return SecretStr(Path(section["password_file"]).read_text(encoding="utf-8").strip())
