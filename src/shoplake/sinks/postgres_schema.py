"""Migrations of the relational store: Alembic, run from the program so that no ini file can go stale."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL
from sqlalchemy.exc import OperationalError

from shoplake.errors import StoreUnavailable


def migrate(url: URL, revision: str = "head") -> None:
    """Bring the database to a revision; a second call does nothing, and two at once wait for each other.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = url
    try:
        command.upgrade(config, revision)
    except OperationalError as error:
        raise StoreUnavailable(
            f"postgres at {url.host}:{url.port} could not be migrated: {error.orig}",
            fix="is it running? `shoplake status`",
        ) from error
