"""Run the Alembic migrations of the relational store, without an ini file that could become outdated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import URL
from sqlalchemy.exc import OperationalError

from shoplake.errors import StoreUnavailable

if TYPE_CHECKING:
    from shoplake.settings import PostgresSettings

RDS_LOGIN = "rds_iam"  # members of this role can log in to RDS with IAM


def migrate(url: URL, revision: str = "head") -> None:
    """Migrate the database to a revision. Idempotent; concurrent calls run one after the other.

    Raises:
        StoreUnavailable: the database did not answer.
    """
    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))  # `%` is special, as in an ini file
    config.attributes["url"] = url
    try:
        command.upgrade(config, revision)
    except OperationalError as error:
        raise StoreUnavailable(
            f"postgres at {url.host}:{url.port} could not be migrated: {error.orig}",
            fix="is it running? `shoplake status`",
        ) from error


def grant_iam_login(master: PostgresSettings, user: str) -> None:
    """Create a user that can log in with IAM and create schemas, and nothing else. Idempotent.

    Args:
        master: the connection of a user that may create roles.
        user: name of the user.

    Raises:
        StoreUnavailable: the database did not answer, or refused the login of `master`.
    """
    role = sql.Identifier(user)
    try:
        with psycopg.connect(master.conninfo(), connect_timeout=10) as connection:
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [user]).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
            connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(RDS_LOGIN), role))
            database = sql.Identifier(master.database)
            connection.execute(sql.SQL("GRANT CONNECT, CREATE ON DATABASE {} TO {}").format(database, role))
    except psycopg.OperationalError as error:
        raise StoreUnavailable(
            f"postgres at {master.host}:{master.port} refused the login of '{master.user}': {error}",
            fix="run this command where the database can be reached: inside the VPC, or through a tunnel",
        ) from error
