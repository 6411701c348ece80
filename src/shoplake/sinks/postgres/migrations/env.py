"""Alembic's entry point: one connection, a transaction per migration, one migration run at a time.

A migration that needs no transaction (`CREATE INDEX CONCURRENTLY`) leaves its own with
`op.get_context().autocommit_block()`.
"""

from __future__ import annotations

import time

from alembic import context
from sqlalchemy import Connection, create_engine, text

from shoplake.errors import StoreUnavailable
from shoplake.sinks.postgres.model import METADATA, SCHEMA

# Any number will do, as long as every migration run takes the same one.
ADVISORY_LOCK = 7_466_752
OTHER_RUN_S = 300
# While a lock is waited for, everybody else waits behind: better to fail, and to be run again.
SETTINGS = "SET lock_timeout = '10s'; SET statement_timeout = '30min'"


def run() -> None:
    """Bring the database to the revision that was asked for."""
    engine = create_engine(context.config.attributes["url"], connect_args={"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            _lock(connection)
            connection.execute(text(SETTINGS))
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            connection.commit()
            context.configure(
                connection=connection,
                target_metadata=METADATA,
                version_table_schema=SCHEMA,
                include_schemas=True,
                include_name=_ours,
                transaction_per_migration=True,
            )
            with context.begin_transaction():
                context.run_migrations()
    finally:
        engine.dispose()  # which gives the lock back


def _lock(connection: Connection) -> None:
    """Wait until no other run migrates. Asked again and again: who waits in a transaction would hold up an index."""
    deadline = time.monotonic() + OTHER_RUN_S
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_LOCK}):
        connection.rollback()
        if time.monotonic() > deadline:
            raise StoreUnavailable(
                f"another migration of this database has not ended within {OTHER_RUN_S} s",
                fix="wait for it, or look in pg_stat_activity for who holds the advisory lock, and run this again",
            )
        time.sleep(0.2)
    connection.commit()


def _ours(name: str | None, kind: str, _: object) -> bool:
    """Other schemas of the database are not ours to compare; neither is Alembic's own table."""
    return name == SCHEMA if kind == "schema" else not (kind == "table" and name == "alembic_version")


run()
