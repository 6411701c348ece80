"""Alembic's entry point: one connection, one transaction, one migration run at a time."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, text

# Any number will do, as long as every migration run takes the same one.
ADVISORY_LOCK = 7_466_752


def run() -> None:
    """Upgrade within one transaction that holds an advisory lock."""
    engine = create_engine(context.config.attributes["url"], connect_args={"connect_timeout": 5})
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
            connection.execute(text("CREATE SCHEMA IF NOT EXISTS shop"))
            context.configure(connection=connection, version_table_schema="shop", include_schemas=True)
            context.run_migrations()
    finally:
        engine.dispose()


run()
