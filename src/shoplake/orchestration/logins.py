"""New login tokens for the records of workflows where Postgres is reached by IAM: a token is valid for 15 minutes.

Dagster makes its connections itself, from an address that is set once. So each connection of SQLAlchemy to this server
gets a token of its own.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from shoplake.settings import Settings

LOGIN_VARIABLE = "SHOPLAKE_DAGSTER_POSTGRES_LOGIN"
"""`iam` for this process and its servers if the password in the address of the records is a token."""

POSTGRES_PORT = 5432
_listens = False


def note(settings: Settings) -> None:
    """Let this process, and those that it starts, know how Postgres is reached."""
    os.environ[LOGIN_VARIABLE] = settings.postgres.login


def renew(url: str) -> None:
    """Give each new connection to the server of an address a new token, if logins are by IAM. Once per process.

    Args:
        url: of the records of workflows.
    """
    global _listens
    if _listens or os.environ.get(LOGIN_VARIABLE) != "iam":
        return
    from sqlalchemy import Engine, event

    parts = urlsplit(url)
    host, port, user = parts.hostname or "", parts.port or POSTGRES_PORT, unquote(parts.username or "")

    def with_token(dialect: Any, record: Any, arguments: Any, named: dict[str, Any]) -> None:  # noqa: ANN401
        del dialect, record, arguments
        if (named.get("host"), int(named.get("port") or POSTGRES_PORT), named.get("user")) == (host, port, user):
            from shoplake import iam_auth

            named["password"] = iam_auth.postgres_token(host, port, user)

    event.listen(Engine, "do_connect", with_token)
    _listens = True
