"""The lake sink: one Iceberg table per topic on S3. Data files and checkpoints become visible in one commit.

The summary of the newest snapshot holds the checkpoints of all partitions of a table. The catalogue refuses a commit if
the table has changed since it was read. So `open` commits an empty snapshot with higher epochs, and every later commit
of an earlier owner is refused.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
import polars as pl
import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError
from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException, NoSuchTableError

from shoplake import contract_log, failpoints
from shoplake.backoff import jittered
from shoplake.contract import TOPICS
from shoplake.errors import Backpressure, LogUnavailable, SinkError, StoreDamaged, StoreUnavailable
from shoplake.sinks import fold
from shoplake.sinks.base import Batch, Checkpoint, Ownership, Sink, TopicPartition
from shoplake.sinks.blocking_calls import StoreThreads
from shoplake.sinks.lake.daily_parts import in_parts
from shoplake.sinks.lake.tables import (
    add_new_columns,
    create_table,
    forget_lost_tables,
    of_columns_held,
    open_catalog,
)

if TYPE_CHECKING:
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot

    from shoplake.contract import Topic
    from shoplake.settings import KafkaSettings, Settings

CHECKPOINT = "shoplake.checkpoint"
IDENTITY = "shoplake.topic"
# Owners of other partitions commit to the same table, and each of them can win the race against an attempt.
ATTEMPTS = 20
Checkpoints = dict[int, Checkpoint]
Count = Annotated[int, msgspec.Meta(ge=0)]


class LakeSink(Sink):
    """Appends batches to the tables of the lake."""

    name = "lake"
    topics = frozenset(TOPICS)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tables: dict[str, Table] = {}
        self._threads = StoreThreads(self.name)

    async def prepare(self) -> None:
        """Create the missing tables, with the columns of the active contract version."""
        if not self._tables and (missing := await self._threads.call(self._load)):
            in_force = await _topics_in_force(self._settings.kafka)
            await self._threads.call(self._make, [in_force.get(name, TOPICS[name]) for name in missing])

    async def open(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Commit an empty snapshot with higher epochs to each table."""
        by_topic: dict[str, list[int]] = {}
        for topic, partition in partitions:
            by_topic.setdefault(topic, []).append(partition)
        await self.prepare()
        opened = await self._threads.each(lambda item: self._open(*item), list(by_topic.items()))
        return {partition: checkpoint for table in opened for partition, checkpoint in table.items()}

    async def checkpoints(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Read the checkpoints."""
        wanted = set(partitions)
        read = await self._threads.each(self._read, sorted({partition.topic for partition in wanted}))
        found = {partition: checkpoint for table in read for partition, checkpoint in table.items()}
        return {partition: found[partition] for partition in wanted if partition in found}

    async def identify(self, topics: Mapping[str, str]) -> Mapping[str, str]:
        """Store each topic's identity in a property of its table."""
        await self.prepare()
        known = await self._threads.each(lambda item: self._identify(*item), list(topics.items()))
        return dict(zip(topics, known, strict=True))

    def split(self, batch: Batch) -> Iterator[Batch]:
        """Split by number of days, because each day is a file in each table."""
        return in_parts(batch)

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        """Commit once per topic; a table whose commits keep conflicting is left for later."""
        topics = sorted({partition.topic for partition in batch.ranges})
        done = await self._threads.each(lambda topic: self._append(topic, batch.of(topic), owner), topics)
        if late := [topic for topic, committed in zip(topics, done, strict=True) if not committed]:
            raise Backpressure(
                f"lake: {_conflicts(late)} in one batch",
                retry_after_s=1.0,
                partitions=frozenset(partition for partition in batch.ranges if partition.topic in late),
            )

    async def close(self) -> None:
        """Stop the threads."""
        self._threads.close()

    def _load(self) -> list[str]:
        """Load the tables if all exist; return the topics without one."""
        found, missing = {}, []
        with Answering("its catalogue"):
            catalog = open_catalog(self._settings)
            forget_lost_tables(catalog, self._settings)
            for topic in sorted(TOPICS):
                try:
                    found[topic] = catalog.load_table((self._settings.lake.database, topic))
                except NoSuchTableError:
                    missing.append(topic)
        self._tables = {} if missing else found
        return missing

    def _make(self, topics: Sequence[Topic]) -> None:
        with Answering("its catalogue"):
            catalog = open_catalog(self._settings)
            for topic in topics:
                create_table(catalog, self._settings.lake.database, topic)
        self._load()

    def _read(self, topic: str) -> dict[TopicPartition, Checkpoint]:
        with Answering(topic):
            if (table := self._tables.get(topic)) is None:
                try:
                    table = open_catalog(self._settings).load_table((self._settings.lake.database, topic))
                except NoSuchTableError:
                    return {}
            found = read_checkpoints(table.refresh())
        return {TopicPartition(topic, p): checkpoint for p, checkpoint in found.items()}

    def _identify(self, topic: str, identity: str) -> str:
        for attempt in range(ATTEMPTS):
            with Answering(topic):
                table = self._tables[topic].refresh()
                if (known := table.properties.get(IDENTITY)) is not None:
                    return str(known)
                with contextlib.suppress(CommitFailedException), table.transaction() as change:
                    change.set_properties({IDENTITY: identity})
            _pause(attempt)
        raise StoreUnavailable(f"lake: {_conflicts([topic])} while the topic identity was stored")

    def _open(self, topic: str, partitions: list[int]) -> dict[TopicPartition, Checkpoint]:
        def take_over(found: Checkpoints) -> Checkpoints:
            none = Checkpoint(next_offset=0, epoch=0)
            return {p: Checkpoint(found.get(p, none).next_offset, found.get(p, none).epoch + 1) for p in partitions}

        for attempt in range(ATTEMPTS):
            with Answering(topic):
                table = self._tables[topic].refresh()
                found = read_checkpoints(table)
                mine = take_over(found)
                failpoints.hit("lake.open.before")
                if _commit(table, None, found | mine):
                    failpoints.hit("lake.open.after")
                    return {TopicPartition(topic, p): checkpoint for p, checkpoint in mine.items()}
            _pause(attempt)
        raise StoreUnavailable(f"lake: {_conflicts([topic])} while its partitions were opened")

    def _append(self, topic: str, part: Batch, owner: Ownership) -> bool:
        """Commit the new events of a topic; False if every attempt conflicted with other commits."""
        for attempt in range(ATTEMPTS):
            with Answering(topic):
                table = self._tables[topic].refresh()
                found = read_checkpoints(table)
                here = {TopicPartition(topic, p): checkpoint for p, checkpoint in found.items()}
                fresh = part.fresh(self.name, here, owner)
                if not fresh.ranges:
                    return True
                moved = {p.partition: Checkpoint(read.stop, owner[p]) for p, read in fresh.ranges.items()}
                failpoints.hit("lake.write.before")
                events = fresh.events.get(topic)
                rows = None if events is None or events.is_empty() else to_arrow(topic, events)
                if rows is not None:
                    if add_new_columns(table, TOPICS[topic], rows):
                        continue
                    rows = of_columns_held(table, rows)
                if _commit(table, rows, found | moved):
                    failpoints.hit("lake.commit.after")
                    return True
            _pause(attempt)
        return False


async def _topics_in_force(cluster: KafkaSettings) -> Mapping[str, Topic]:
    """Read the topics of the newest contract version in the log that this program can read.

    Raises:
        NewerContract: the log has none.
        StoreUnavailable: Kafka did not answer.
    """
    try:
        history = await contract_log.read(cluster)
    except LogUnavailable as error:
        raise StoreUnavailable(f"lake: the columns of its tables could not be read from Kafka: {error}") from error
    if not history.readable:
        raise contract_log.newer(history)
    return history.last.topics


def read_checkpoints(table: Table) -> Checkpoints:
    """Read the newest checkpoints in the current snapshot and its ancestors.

    Raises:
        SinkError: their snapshot was expired; to continue from offset 0 would write every event twice.
        StoreDamaged: another program has changed them.
    """
    text = checkpoint_summary(table).get(CHECKPOINT) or "{}"
    try:
        found = msgspec.json.decode(text, type=dict[int, tuple[Count, Count]])
    except msgspec.DecodeError as error:
        raise _damaged(table, text, error) from error
    return {partition: Checkpoint(next_offset, epoch) for partition, (next_offset, epoch) in found.items()}


def _damaged(table: Table, text: str, error: Exception) -> StoreDamaged:
    return StoreDamaged(
        f"lake: the checkpoint of {table.name()[-1]} cannot be read ({error}): {text[:200]}",
        fix="restore older metadata of the table",
    )


def checkpoint_summary(table: Table) -> dict[str, str]:
    """The newest checkpoints as a snapshot summary, for a commit that does not change them; empty if there are none.

    Raises:
        SinkError: their snapshot was expired.
    """
    *_, oldest = (None, *checkpoint_path(table))
    if oldest is None:
        return {}
    if oldest.summary is not None and (found := oldest.summary[CHECKPOINT]) is not None:
        return {CHECKPOINT: found}
    # Expiry also removes the parent from its children, so a child looks like the first snapshot. But the first snapshot
    # is always a sink's and has checkpoints.
    raise SinkError(
        f"lake: the checkpoint of {table.name()[-1]} is gone: no snapshot from {oldest.snapshot_id} back has one",
        fix="restore older metadata of the table; `shoplake lake maintain` never expires a checkpoint",
    )


def checkpoint_path(table: Table) -> Iterator[Snapshot]:
    """The snapshots from the current one back to the newest one with checkpoints, inclusive.

    Snapshots of other engines have no checkpoints, for example of a compaction or of a deletion required by law.
    """
    snapshot = table.current_snapshot()
    while snapshot is not None:
        yield snapshot
        if snapshot.summary is not None and snapshot.summary[CHECKPOINT] is not None:
            return
        parent = snapshot.parent_snapshot_id
        snapshot = table.snapshot_by_id(parent) if parent is not None else None


def to_arrow(topic: str, events: pl.DataFrame) -> pa.Table:
    """Convert events to rows of the topic's table."""
    rows = events.select(
        *TOPICS[topic].columns,
        fold.occurred_at().alias("occurred_at"),
        pl.col("partition").cast(pl.Int32).alias("kafka_partition"),
        pl.col("offset").alias("kafka_offset"),
    )
    return rows.to_arrow()


def _commit(table: Table, rows: pa.Table | None, checkpoints: Checkpoints) -> bool:
    """Append rows and advance the checkpoints in one commit; False if the table has changed or the outcome is unknown.

    After an unknown outcome the caller reads the checkpoints again; if the commit succeeded, they include its ranges.
    """
    summary = {CHECKPOINT: json.dumps({p: [c.next_offset, c.epoch] for p, c in sorted(checkpoints.items())})}
    try:
        with table.transaction() as commit:
            if rows is not None:
                commit.append(
                    rows, snapshot_properties=summary
                )  # writes the files; they are invisible until the commit
            else:
                with commit.update_snapshot(snapshot_properties=summary).fast_append():
                    pass  # a snapshot without files: only the summary changes
            failpoints.hit("lake.commit.before")
    except (CommitFailedException, CommitStateUnknownException):
        return False
    except FileNotFoundError:
        # A file of a snapshot that was replaced and expired since it was read; or the files of the table are lost.
        seen = table.metadata_location
        if table.refresh().metadata_location == seen:
            raise
        return False
    return True


def _conflicts(topics: list[str]) -> str:
    return f"commits to {', '.join(topics)} conflicted {ATTEMPTS} times"


def _pause(attempt: int) -> None:
    # Without a pause the next attempt would conflict with the same writers; most commits take 0.1 s.
    time.sleep(jittered(min(1.0, 0.05 * 2**attempt)))


def _store_errors() -> tuple[type[Exception], ...]:
    """Exceptions of an unavailable store. SQLAlchemy is loaded only if the catalogue is in Postgres."""
    sql = sys.modules.get("sqlalchemy.exc")
    return (BotoCoreError, ClientError, OSError, *((sql.DBAPIError,) if sql else ()))


class Answering:
    """Translates exceptions of the catalogue and S3 into this program's errors."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, NoSuchTableError | FileNotFoundError):
            raise SinkError(
                f"lake: {self._what} is gone: {error}", fix="run `shoplake apply`, then start again"
            ) from error
        if isinstance(error, _store_errors()):
            raise StoreUnavailable(f"lake: {self._what} did not answer: {error}", fix="`shoplake status`") from error
