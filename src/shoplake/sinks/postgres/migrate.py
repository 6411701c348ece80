"""Migrations of the relational store: Alembic, run from the program so that no ini file can go stale."""

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

RDS_LOGIN = "rds_iam"  # RDS lets in by IAM whoever is a member


def migrate(url: URL, revision: str = "head") -> None:
    """Bring the database to a revision; a second call does nothing, and two at once wait for each other.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))  # an option is interpolated, as in an ini file
    config.attributes["url"] = url
    try:
        command.upgrade(config, revision)
    except OperationalError as error:
        raise StoreUnavailable(
            f"postgres at {url.host}:{url.port} could not be migrated: {error.orig}",
            fix="is it running? `shoplake status`",
        ) from error


def admit(master: PostgresSettings, user: str) -> None:
    """Let a user log in by IAM and make schemas, and nothing else; harmless where they can.

    Raises:
        StoreUnavailable: the database does not answer, or does not let `master` in.
    """
    who = sql.Identifier(user)
    try:
        with psycopg.connect(master.conninfo(), connect_timeout=10) as connection:
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [user]).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(who))
            connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(RDS_LOGIN), who))
            database = sql.Identifier(master.database)
            connection.execute(sql.SQL("GRANT CONNECT, CREATE ON DATABASE {} TO {}").format(database, who))
    except psycopg.OperationalError as error:
        raise StoreUnavailable(
            f"postgres at {master.host}:{master.port} did not let '{master.user}' in: {error}",
            fix="run this where the database can be reached: inside the VPC, or through a tunnel",
        ) from error
