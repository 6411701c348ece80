"""Read the live board in Redis and check its keys. Everything is read as bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import redis

from shoplake.errors import StoreUnavailable
from shoplake.settings import Settings
from shoplake.verify.comparison import Comparison
from shoplake.verify.database import run_sql
from shoplake.verify.report import Finding
from shoplake.verify.structure_diff import TABLE, differing

BOARD = Comparison("redis", "board", ("key", "field"))
COMPARISONS = (BOARD,)
SPACE = "shoplake:*"
DAY = r"-?\d{4,6}-\d\d-\d\d"
KEYS = {
    "zset": re.compile(r"shoplake:top_products"),
    "hash": re.compile(
        rf"shoplake:(?:stock|funnel:{DAY}|revenue:{DAY}(?::[A-Z]{{3}})?|checkpoint|epoch|topic|rebuild)"
    ),
}
"""Type -> pattern of the keys of shoplake with this type."""
BOOKKEEPING = frozenset({"shoplake:checkpoint", "shoplake:epoch", "shoplake:topic", "shoplake:rebuild"})
TIMEOUT_S = 30
SCAN_COUNT = 2_000
KEYS_AT_ONCE = 1_000
NO_EXPIRY = -1


def fold(cursor: duckdb.DuckDBPyConnection) -> None:
    """Create the expected tables."""
    run_sql(cursor, "redis")


def load(cursor: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> list[Finding]:
    """Fill the found table: key, field and value as text. A 0 is skipped, because it may be absent as well.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    del folder
    server = settings.redis
    client = redis.Redis(**server.options(), socket_timeout=TIMEOUT_S, socket_connect_timeout=10)
    try:
        with client:
            found = _types(client)
            findings = [*_foreign(found), *_expiring(client, sorted(found))]
            readable = [key for key, kind in found.items() if kind == _expected_type(key)]
            rows = [row for key in sorted(readable) for row in _numbers(client, key, found[key]) if row[2] != "0"]
    except redis.RedisError as error:
        raise StoreUnavailable(
            f"redis at {server.host}:{server.port} could not be read: {error}",
            fix="check `shoplake status`; `shoplake up` starts servers that are down",
        ) from error
    board = pa.table(
        {name: pa.array([row[n] for row in rows], pa.string()) for n, name in enumerate(("key", "field", "value"))}
    )
    cursor.register("board", board)
    cursor.execute(f"CREATE TABLE {BOARD.found} AS SELECT * FROM board")  # noqa: S608 - our own names
    cursor.unregister("board")
    return findings


def settle(cursor: duckdb.DuckDBPyConnection) -> None:
    """Do nothing: this store needs no adjustment."""
    del cursor


def repair(cursor: duckdb.DuckDBPyConnection, folder: Path) -> list[Finding]:
    """Do nothing: `load` has read everything."""
    del cursor, folder
    return []


def text(value: bytes) -> str:
    """Decode bytes as UTF-8. Invalid bytes give a description that no id can equal."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return f"not UTF-8: {value!r}"


def _expected_type(key: bytes) -> str | None:
    return next((kind for kind, pattern in KEYS.items() if pattern.fullmatch(text(key))), None)


def _types(client: redis.Redis) -> dict[bytes, str]:
    """Return every key with our prefix and its type. A key that disappears meanwhile is skipped."""
    keys = sorted(set(client.scan_iter(match=SPACE, count=SCAN_COUNT)))
    found: dict[bytes, str] = {}
    for first in range(0, len(keys), KEYS_AT_ONCE):
        some = keys[first : first + KEYS_AT_ONCE]
        with client.pipeline(transaction=False) as pipeline:
            for key in some:
                pipeline.type(key)
            found |= {key: text(kind) for key, kind in zip(some, pipeline.execute(), strict=True) if kind != b"none"}
    return found


def _foreign(found: dict[bytes, str]) -> Iterator[Finding]:
    """Report keys that do not belong to the board or have a wrong type."""
    for key, kind in sorted(found.items()):
        expected = _expected_type(key)
        if expected is None:
            yield Finding("duplicated", TABLE, f"key {text(key)}", detail=f"a {kind} that is not part of the board")
        elif kind != expected:
            yield differing(f"key {text(key)}", f"a {expected}", f"a {kind}")


def _expiring(client: redis.Redis, keys: list[bytes]) -> Iterator[Finding]:
    """Report keys and fields with an expiry. If the server counts none, the keys are not asked."""
    keyspace: dict[str, dict[str, int]] = client.info("keyspace")
    if any(database.get("expires") for database in keyspace.values()):
        for key in keys:
            if (at_ms := int(client.pexpiretime(key))) > NO_EXPIRY:  # type: ignore[arg-type]
                yield differing(f"key {text(key)}", "no expiry", f"expiry at {_time(at_ms)}")
    if any(database.get("keys_with_volatile_items") for database in keyspace.values()):
        for key in keys:
            if client.type(key) == b"hash":
                yield from _expiring_fields(client, key)


def _expiring_fields(client: redis.Redis, key: bytes) -> Iterator[Finding]:
    fields: list[bytes] = client.hkeys(key)  # type: ignore[assignment]
    for field in fields:
        (at_ms,) = client.execute_command("HPEXPIRETIME", key, "FIELDS", 1, field)  # type: ignore[no-untyped-call]
        if at_ms > NO_EXPIRY:
            yield differing(f"key {text(key)} field {text(field)}", "no expiry", f"expiry at {_time(at_ms)}")


def _time(ms: int) -> str:
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return f"{ms} ms"


def _numbers(client: redis.Redis, key: bytes, kind: str) -> Iterator[tuple[str, str, str]]:
    """Yield (key, field, number). SCAN may return a field twice while the server rehashes, hence the dict."""
    if text(key) in BOOKKEEPING:
        return
    if kind == "hash":
        for field, value in dict(client.hscan_iter(key, count=SCAN_COUNT)).items():
            yield text(key), text(field), text(value)
    else:
        for member, score in dict(client.zscan_iter(key, count=SCAN_COUNT)).items():
            yield text(key), text(member), str(int(score)) if score.is_integer() else str(score)
