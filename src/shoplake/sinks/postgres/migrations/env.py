"""Alembic's entry point: one connection, one transaction per migration, one migration run at a time.

A statement that cannot run in a transaction (`CREATE INDEX CONCURRENTLY`) runs in
`op.get_context().autocommit_block()`.
"""

from __future__ import annotations

import time

from alembic import context
from sqlalchemy import Connection, create_engine, text

from shoplake.errors import StoreUnavailable
from shoplake.sinks.postgres.model import METADATA, SCHEMA

# Any number works, if every migration run uses the same one.
ADVISORY_LOCK = 7_466_752
OTHER_RUN_S = 300
# A server whose machine is gone is detected, also in the middle of a statement.
CONNECT: dict[str, int] = {
    "connect_timeout": 5,
    "tcp_user_timeout": 20_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
# While a statement waits for a lock, all later statements queue behind it. So it fails soon, and can be run again.
SETTINGS = "SET lock_timeout = '10s'; SET statement_timeout = '30min'"


def run() -> None:
    """Migrate the database to the requested revision."""
    engine = create_engine(context.config.attributes["url"], connect_args=CONNECT)
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
        engine.dispose()  # releases the advisory lock


def _lock(connection: Connection) -> None:
    """Wait until no other migration runs. It polls, because a waiting transaction would block an index build."""
    deadline = time.monotonic() + OTHER_RUN_S
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_LOCK}):
        connection.rollback()
        if time.monotonic() > deadline:
            raise StoreUnavailable(
                f"another migration of this database has not ended within {OTHER_RUN_S} s",
                fix="wait, or find the session that holds the advisory lock in pg_stat_activity; then run this again",
            )
        time.sleep(0.2)
    connection.commit()


def _ours(name: str | None, kind: str, _: object) -> bool:
    """Compare only our schema, without Alembic's own table."""
    return name == SCHEMA if kind == "schema" else not (kind == "table" and name == "alembic_version")


run()
