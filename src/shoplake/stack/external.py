"""A stack that somebody else runs, described by the file that SHOPLAKE_STACK_FILE names: the program in a container."""

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
    """What the file says; None when none is named.

    Raises:
        StackError: it, or a file with a password that it names, is not there or does not say all.
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
        raise StackError(f"{path} does not say {error}", fix="docker/stack.toml shows what belongs in it") from error
    except (OSError, ValueError) as error:
        raise StackError(
            f"the stack that {VARIABLE} names cannot be read: {error}", fix=f"unset {VARIABLE}, or mend {path}"
        ) from error


def exists() -> bool:
    """Whether the stack is somebody else's."""
    return bool(os.environ.get(VARIABLE))


def refuse_to_run(what: str) -> None:
    """Raises StackError where the stack is somebody else's to start and stop."""
    if exists():
        raise StackError(
            f"this stack is not ours to {what}: {VARIABLE} is {os.environ[VARIABLE]}",
            fix="use what runs it, such as `docker compose`",
        )


def _secret(section: dict[str, Any]) -> SecretStr:
    return SecretStr(Path(section["password_file"]).read_text(encoding="utf-8").strip())
