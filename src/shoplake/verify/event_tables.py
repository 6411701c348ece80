"""Convert chunks of the log to Parquet for DuckDB: typed events, rejected records, and an index of the content."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import msgspec
import polars as pl

from shoplake.contract import DEAD_LETTERS, TOPICS, Placement, decode
from shoplake.contract.history import History, InForce
from shoplake.verify.database import parquet_of, run_sql
from shoplake.verify.log_reader import Chunk, Records

COORDINATES: dict[str, pl.DataType | type[pl.DataType]] = {"kafka_partition": pl.Int32, "kafka_offset": pl.Int64}
INDEX = {
    "topic": pl.String,
    **COORDINATES,
    "event_id": pl.String,
    "key": pl.String,
    "same_1": pl.UInt64,
    "same_2": pl.UInt64,
    "replay_of": pl.String,
}
REJECTED = {
    "topic": pl.String,
    **COORDINATES,
    "timestamp_ms": pl.Int64,
    "key": pl.String,
    "value_md5": pl.String,
    "reason": pl.String,
    "contract": pl.String,
    "value_cut": pl.String,
    "key_base64": pl.String,
    "key_cut": pl.String,
}
# A rejected record can have a megabyte, and many do not fit in memory, so only a digest of its bytes is kept.
LETTERS = {
    "letter": pl.String,
    "topic": pl.String,
    "partition": pl.Int64,
    "offset": pl.Int64,
    "key": pl.String,
    "timestamp_ms": pl.Int64,
    "reason": pl.String,
    "value_md5": pl.String,
    "contract": pl.String,
    "value_cut": pl.String,
    "key_base64": pl.String,
    "key_cut": pl.String,
}
# Maximum size of the value and the key in a dead letter (docs/data-model.md).
LETTER_VALUE_BYTES, LETTER_KEY_BYTES = 524_288, 16_384
OF_LOG_ONLY = {*COORDINATES, "replay_of"}
HELD = {name: REJECTED[name] for name in ("key", "value_md5", "value_cut", "key_base64", "key_cut")}
# Enough to find an id in JSON that may not parse; the contract's decoder decides what is valid.
EVENT_ID = r'"event_id"\s*:\s*"([^"\\]+)"'


class Spill:
    """The Parquet files of one verification, one per chunk and kind. Several processes may write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        empty: dict[str, Mapping[str, pl.DataType | type[pl.DataType]]] = {
            "log_index": INDEX,
            "simulated_index": {c: t for c, t in INDEX.items() if c not in OF_LOG_ONLY},
            "rejected": REJECTED,
            "letters": LETTERS,
            **{f"valid_{name}": {**topic.columns, **COORDINATES} for name, topic in TOPICS.items()},
        }
        for kind, schema in empty.items():
            if not (folder / kind).exists():
                (folder / kind).mkdir(parents=True)
                self.write(kind, pl.DataFrame(schema=schema))

    def write(self, kind: str, rows: pl.DataFrame) -> None:
        """Write one file of a kind. It is renamed into place when complete, because views may be read meanwhile."""
        path = self.folder / kind / f"{uuid.uuid4().hex}.parquet"
        rows.write_parquet(path.with_suffix(".part"), compression="lz4", statistics=False)
        path.with_suffix(".part").rename(path)

    def create_views(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Create a view per kind over all of its files."""
        for kind in sorted(self.folder.iterdir()):
            cursor.execute(f"CREATE VIEW {kind.name} AS SELECT * FROM read_parquet({parquet_of(kind)})")  # noqa: S608
        run_sql(cursor, "letters")
        for topic in TOPICS:
            cursor.execute(f"CREATE VIEW ev_{topic} AS SELECT * FROM valid_{topic}")  # noqa: S608


def spill_chunk(spill: Spill, chunk: Chunk, known: History) -> int:
    """Write one chunk of the log, decoded with the contract version of each offset. Return the number of records."""
    events = 0
    for topic, records in chunk.items():
        if topic == DEAD_LETTERS:
            letters = [_letter(key, value) for key, value in zip(records.key, records.value, strict=True)]
            spill.write("letters", pl.DataFrame(letters, schema=LETTERS, orient="row"))
        elif topic in TOPICS:
            for in_force, part in under_contracts(topic, records, known):
                _spill_events(spill, topic, part, in_force)
                events += len(part.offset)
    return events


def under_contracts(topic: str, records: Records, known: History) -> Iterator[tuple[InForce, Records]]:
    """Group the records of one topic by contract version, without the version markers."""
    by_partition: dict[int, list[int]] = {}
    for at, partition in enumerate(records.partition):
        by_partition.setdefault(partition, []).append(at)
    if all(len(known.ranges(topic, partition)) == 1 for partition in by_partition):
        for partition in by_partition:
            yield known.ranges(topic, partition)[0].in_force, records
            return
    found: dict[InForce, list[int]] = {}
    for partition, places in by_partition.items():
        for n in places:
            offset = records.offset[n]
            if not known.is_marker(topic, partition, offset):
                found.setdefault(known.at(topic, partition, offset), []).append(n)
    for in_force, chosen in found.items():
        yield in_force, records.take(sorted(chosen))


def hashes() -> dict[str, pl.Expr]:
    """Return two 64-bit hashes of the content, `same_1` and `same_2`, for rows with `key` and `value` (binary)."""
    value, key = pl.col("value").fill_null(b""), pl.col("key").cast(pl.Binary).fill_null(b"")
    return {"same_1": value.hash(seed=1) ^ key.hash(seed=2), "same_2": value.hash(seed=3) ^ key.hash(seed=4)}


def indexed(rows: pl.DataFrame, event_id: pl.Series | None = None) -> pl.DataFrame:
    """Convert rows with `topic`, `key` and `value` (binary) to rows of `INDEX`.

    Args:
        rows: `key` is kept only for rows without an event id.
        event_id: of each row, if known. Otherwise they are extracted from the values, which is slow.
    """
    ids = _texts(rows["value"]).str.extract(EVENT_ID, 1) if event_id is None else event_id
    return rows.with_columns(event_id=ids, **hashes()).select(
        *(c for c in COORDINATES if c in rows.columns),
        pl.col("topic").cast(pl.String),
        "event_id",
        pl.when(pl.col("event_id").is_null()).then(_texts(rows["key"])).alias("key"),
        "same_1",
        "same_2",
        *(c for c in ("replay_of",) if c in rows.columns),
    )


def _texts(values: pl.Series) -> pl.Series:
    """Decode bytes as UTF-8, null if invalid. Polars alone would reject the whole column."""
    try:
        return values.cast(pl.String)
    except pl.exceptions.ComputeError:
        return pl.Series(values.name, [_text(value) for value in values], pl.String)


def _text(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _spill_events(spill: Spill, topic: str, records: Records, in_force: InForce) -> None:
    raw = _frame(records).with_columns(topic=pl.lit(topic), replay_of=pl.Series(records.replay_of, dtype=pl.String))
    placement = Placement(records.key, records.partition, records.partition_count)
    decoded = decode(topic, [value or b"" for value in records.value], placement, in_force.topics)
    spill.write("log_index", indexed(raw, None if decoded.rejected else decoded.events["event_id"]))
    valid = raw[decoded.events["position"]] if decoded.rejected else raw
    coordinates = valid.select(list(COORDINATES)).get_columns()
    spill.write(f"valid_{topic}", decoded.events.drop("position").hstack(coordinates))
    if decoded.rejected:
        reasons = pl.DataFrame(
            {"at": [r.position for r in decoded.rejected], "reason": [r.reason for r in decoded.rejected]}
        )
        refused = raw[reasons["at"].to_list()].with_columns(reasons["reason"], contract=pl.lit(in_force.digest))
        # The same form as in a dead letter.
        rows = [_as_in_letter(key, value or b"") for key, value in refused.select("key", "value").iter_rows()]
        held = pl.DataFrame(rows, schema=HELD, orient="row")
        refused = refused.with_columns(held.get_columns())
        spill.write("rejected", refused.select(list(REJECTED)))


def _as_in_letter(key: bytes | None, value: bytes) -> tuple[str | None, ...]:
    """Return what a dead letter stores of a rejected record: the columns of `HELD`."""
    begin = None if key is None else key[:LETTER_KEY_BYTES]
    is_text = key is None or _text(key) is not None
    return (
        None if begin is None else begin.decode(errors="replace"),
        _md5(value[:LETTER_VALUE_BYTES]),
        _cut(value, LETTER_VALUE_BYTES),
        None if is_text or begin is None else base64.b64encode(begin).decode(),
        _cut(key or b"", LETTER_KEY_BYTES),
    )


def _cut(whole: bytes, limit: int) -> str | None:
    """Return size and digest of a value that is longer than a dead letter may store."""
    return f"{len(whole)} {hashlib.sha256(whole).hexdigest()}" if len(whole) > limit else None


def _letter(key: bytes | None, value: bytes | None) -> tuple[str | int | None, ...]:
    """Return a row of `LETTERS`. Other programs may write to the topic: invalid fields become null, and differ."""
    try:
        body = msgspec.json.decode(value or b"")
    except (msgspec.DecodeError, RecursionError):
        body = None
    held = body if isinstance(body, dict) else {}

    def text(name: str) -> str | None:
        return held[name] if isinstance(held.get(name), str) else None

    def number(name: str) -> int | None:
        found = held.get(name)
        return found if type(found) is int and abs(found) < 2**63 else None

    def cut(name: str) -> str | None:
        found = held.get(name)
        return f"{found.get('size_bytes')} {found.get('sha256')}" if isinstance(found, dict) else None

    try:
        refused = base64.b64decode(text("value_base64") or "", validate=True)
    except ValueError:
        refused = b""
    return (
        _text(key),
        text("topic"),
        number("partition"),
        number("offset"),
        text("key"),
        number("timestamp_ms"),
        text("reason"),
        _md5(refused[:LETTER_VALUE_BYTES]),
        text("contract"),
        cut("value_cut") or _cut(refused, LETTER_VALUE_BYTES),  # earlier releases stored the whole value
        text("key_base64"),
        cut("key_cut"),
    )


def _md5(value: bytes | None) -> str:
    return hashlib.md5(value or b"", usedforsecurity=False).hexdigest()


def _frame(records: Records) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "kafka_partition": pl.Series(records.partition, dtype=pl.Int32),
            "kafka_offset": pl.Series(records.offset, dtype=pl.Int64),
            "timestamp_ms": pl.Series(records.timestamp_ms, dtype=pl.Int64),
            "key": pl.Series(records.key, dtype=pl.Binary),
            "value": pl.Series(records.value, dtype=pl.Binary),
        }
    )
