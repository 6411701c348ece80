"""What the live board in Redis shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import redis

from shoplake.errors import StoreUnavailable
from shoplake.settings import Settings
from shoplake.verify.comparison import Comparison
from shoplake.verify.database import run_sql

BOARD = Comparison("redis", "board", ("key", "field"))
COMPARISONS = (BOARD,)
HASHES = ("shoplake:revenue:*", "shoplake:funnel:*", "shoplake:stock")
SORTED_SETS = ("shoplake:top_products",)
TIMEOUT_S = 30
SCAN_COUNT = 2_000


def fold(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make the expected tables."""
    run_sql(cursor, "redis")


def load(cursor: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> None:
    """Fill the found table: key, field, value as text; a 0 is left out, since it may be absent as well.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    del folder
    server = settings.redis
    client = redis.Redis(
        **server.options(),
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=10,
        decode_responses=True,
    )
    try:
        with client:
            rows = [(key, field, value) for key, field, value in _numbers(client) if value != "0"]
    except redis.RedisError as error:
        raise StoreUnavailable(
            f"redis at {server.host}:{server.port} could not be read: {error}",
            fix="look at `shoplake status`; `shoplake up` starts what is down",
        ) from error
    board = pa.table(
        {name: pa.array([row[n] for row in rows], pa.string()) for n, name in enumerate(("key", "field", "value"))}
    )
    cursor.register("board", board)
    cursor.execute(f"CREATE TABLE {BOARD.found} AS SELECT * FROM board")  # noqa: S608 - our own names
    cursor.unregister("board")


def settle(cursor: duckdb.DuckDBPyConnection) -> None:
    """Nothing to settle."""
    del cursor


def _numbers(client: redis.Redis) -> Iterator[tuple[str, str, str]]:
    """(key, field, number); SCAN may show a field twice while the server rehashes, hence the dict."""
    for pattern in HASHES:
        for key in sorted(set(client.scan_iter(match=pattern, count=SCAN_COUNT, _type="HASH"))):
            for field, value in dict(client.hscan_iter(key, count=SCAN_COUNT)).items():
                yield key, field, value
    for key in SORTED_SETS:
        for member, score in dict(client.zscan_iter(key, count=SCAN_COUNT)).items():
            yield key, member, str(int(score)) if score.is_integer() else str(score)
