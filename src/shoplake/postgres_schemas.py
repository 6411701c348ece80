"""Schemas of Postgres that are made at their first use: what the platform keeps about itself.

They are no migrations of the sinks' schema: `verify` and `rebuild postgres` concern `shop` only.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import psycopg

from shoplake.errors import StoreUnavailable

if TYPE_CHECKING:
    from shoplake.settings import Settings

CONNECT_TIMEOUT_S = 10
STATEMENT_TIMEOUT_MS = 60_000


@contextlib.contextmanager
def opened(settings: Settings, name: str, statements: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Connect, and make a schema if it is not there. Concurrent calls make it once.

    Args:
        settings: of the environment.
        name: of the schema.
        statements: its definition, each with IF NOT EXISTS.

    Raises:
        StoreUnavailable: Postgres does not answer, or refuses.
    """
    options = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c TimeZone=UTC"
    try:
        with psycopg.connect(
            settings.postgres.conninfo(), connect_timeout=CONNECT_TIMEOUT_S, options=options, autocommit=True
        ) as connection:
            with connection.transaction():
                # CREATE ... IF NOT EXISTS of two sessions at once can fail.
                connection.execute("SELECT pg_advisory_xact_lock(%s)", [zlib.crc32(name.encode())])
                connection.execute("SET LOCAL client_min_messages = warning")
                connection.execute(statements)
            yield connection
    except psycopg.Error as error:
        address = f"{settings.postgres.host}:{settings.postgres.port}"
        raise StoreUnavailable(
            f"the schema {name} of postgres at {address} could not be used: {error}",
            fix="look at `shoplake status`; `shoplake up` starts servers that are down",
        ) from error
