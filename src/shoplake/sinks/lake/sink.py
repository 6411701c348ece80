"""The lake: one Iceberg table per topic on S3. Data files and checkpoint become visible in one commit.

The checkpoint of every partition of a table is a property of its newest snapshot. A commit is refused by the catalogue
when the table has moved since it was read, so taking over commits an empty snapshot with a higher epoch, and whatever
an earlier owner still tries meets a table that has moved.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError
from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException, NoSuchTableError

from shoplake import failpoints
from shoplake.backoff import jittered
from shoplake.contract import TOPICS
from shoplake.errors import Backpressure, SinkError, StoreUnavailable
from shoplake.sinks import fold
from shoplake.sinks.base import Batch, Checkpoint, Ownership, Sink, TopicPartition
from shoplake.sinks.blocking_calls import StoreThreads
from shoplake.sinks.lake.daily_parts import in_parts
from shoplake.sinks.lake.tables import create_table, forget_lost_tables, open_catalog

if TYPE_CHECKING:
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot

    from shoplake.settings import Settings

CHECKPOINT = "shoplake.checkpoint"
IDENTITY = "shoplake.topic"
# Owners of other partitions of a table commit to it too; each of them can get ahead of us once per attempt.
ATTEMPTS = 20
Checkpoints = dict[int, Checkpoint]


class LakeSink(Sink):
    """Appends batches to the tables of the lake."""

    name = "lake"
    topics = frozenset(TOPICS)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tables: dict[str, Table] = {}
        self._threads = StoreThreads(self.name)

    async def prepare(self) -> None:
        """Make the tables."""
        await self._threads.call(self._prepare)

    async def open(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Commit an empty snapshot per table that raises the epochs."""
        by_topic: dict[str, list[int]] = {}
        for topic, partition in partitions:
            by_topic.setdefault(topic, []).append(partition)
        await self._threads.call(self._prepare)
        opened = await self._threads.each(lambda item: self._open(*item), list(by_topic.items()))
        return {partition: checkpoint for table in opened for partition, checkpoint in table.items()}

    async def checkpoints(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Where the partitions stand."""
        wanted = set(partitions)
        read = await self._threads.each(self._read, sorted({partition.topic for partition in wanted}))
        found = {partition: checkpoint for table in read for partition, checkpoint in table.items()}
        return {partition: found[partition] for partition in wanted if partition in found}

    async def identify(self, topics: Mapping[str, str]) -> Mapping[str, str]:
        """Note each topic in a property of its table."""
        await self._threads.call(self._prepare)
        known = await self._threads.each(lambda item: self._identify(*item), list(topics.items()))
        return dict(zip(topics, known, strict=True))

    def split(self, batch: Batch) -> Iterator[Batch]:
        """By days, each of which is a file in each of its tables."""
        return in_parts(batch)

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        """One commit per topic; a table that others keep moving is left for later."""
        topics = sorted({partition.topic for partition in batch.ranges})
        done = await self._threads.each(lambda topic: self._append(topic, batch.of(topic), owner), topics)
        if late := [topic for topic, committed in zip(topics, done, strict=True) if not committed]:
            raise Backpressure(
                f"lake: {_moved(late)} while one commit was tried",
                retry_after_s=1.0,
                partitions=frozenset(partition for partition in batch.ranges if partition.topic in late),
            )

    async def close(self) -> None:
        """Nothing is held open but threads."""
        self._threads.close()

    def _prepare(self) -> None:
        if self._tables:
            return
        with Answering("its catalogue"):
            catalog = open_catalog(self._settings)
            forget_lost_tables(catalog, self._settings)
            self._tables = {
                topic: create_table(catalog, self._settings.lake.database, TOPICS[topic]) for topic in sorted(TOPICS)
            }

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
            _rest(attempt)
        raise StoreUnavailable(f"lake: {_moved([topic])} while its topic was noted")

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
            _rest(attempt)
        raise StoreUnavailable(f"lake: {_moved([topic])} while it was taken over")

    def _append(self, topic: str, part: Batch, owner: Ownership) -> bool:
        """Commit what is new; False when others were always quicker."""
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
                if _commit(table, rows, found | moved):
                    failpoints.hit("lake.commit.after")
                    return True
            _rest(attempt)
        return False


def read_checkpoints(table: Table) -> Checkpoints:
    """The newest checkpoint among the current snapshot and its ancestors.

    Raises:
        SinkError: somebody has expired it: to go on from 0 would put every event there twice.
    """
    found = json.loads(checkpoint_summary(table).get(CHECKPOINT) or "{}")
    return {int(p): Checkpoint(next_offset, epoch) for p, (next_offset, epoch) in found.items()}


def checkpoint_summary(table: Table) -> dict[str, str]:
    """The newest checkpoint as a snapshot's summary holds it, for a commit that moves none; empty where there is none.

    Raises:
        SinkError: somebody has expired it.
    """
    *_, oldest = (None, *checkpoint_path(table))
    if oldest is None:
        return {}
    if oldest.summary is not None and (found := oldest.summary[CHECKPOINT]) is not None:
        return {CHECKPOINT: found}
    # Expiring takes the parent out of its children too, so that they look like the first: which is always a sink's.
    raise SinkError(
        f"lake: the checkpoint of {table.name()[-1]} is gone: no snapshot from {oldest.snapshot_id} back has one",
        fix="bring back older metadata of the table; `shoplake lake maintain` never expires a checkpoint",
    )


def checkpoint_path(table: Table) -> Iterator[Snapshot]:
    """The snapshots from the current one back to the newest that has a checkpoint, that one being the last.

    Others commit too, without one: an engine that compacts, or deletes what a law wants deleted.
    """
    snapshot = table.current_snapshot()
    while snapshot is not None:
        yield snapshot
        if snapshot.summary is not None and snapshot.summary[CHECKPOINT] is not None:
            return
        parent = snapshot.parent_snapshot_id
        snapshot = table.snapshot_by_id(parent) if parent is not None else None


def to_arrow(topic: str, events: pl.DataFrame) -> pa.Table:
    """Events as rows of the topic's table."""
    rows = events.select(
        *TOPICS[topic].columns,
        fold.occurred_at().alias("occurred_at"),
        pl.col("partition").cast(pl.Int32).alias("kafka_partition"),
        pl.col("offset").alias("kafka_offset"),
    )
    return rows.to_arrow()


def _commit(table: Table, rows: pa.Table | None, checkpoints: Checkpoints) -> bool:
    """Append and move the checkpoints, or neither; False when the table has moved, or may have.

    Whether an unknown outcome was a success is not asked here: the caller reads the checkpoint again, and finds its
    own range in it if it was.
    """
    summary = {CHECKPOINT: json.dumps({p: [c.next_offset, c.epoch] for p, c in sorted(checkpoints.items())})}
    try:
        with table.transaction() as commit:
            if rows is not None:
                commit.append(rows, snapshot_properties=summary)  # the files; nobody sees them before the commit
            else:
                with commit.update_snapshot(snapshot_properties=summary).fast_append():
                    pass  # a snapshot without files: only the summary moves
            failpoints.hit("lake.commit.before")
    except (CommitFailedException, CommitStateUnknownException):
        return False
    except FileNotFoundError:
        # Of a snapshot that others have replaced and expired since it was read here; or the table's files are gone.
        seen = table.metadata_location
        if table.refresh().metadata_location == seen:
            raise
        return False
    return True


def _moved(topics: list[str]) -> str:
    return f"{', '.join(topics)} moved {ATTEMPTS} times"


def _rest(attempt: int) -> None:
    # Full speed would only meet the same others again; most commits take a tenth of a second.
    time.sleep(jittered(min(1.0, 0.05 * 2**attempt)))


def _store_errors() -> tuple[type[Exception], ...]:
    """What is raised while a store is away; SQLAlchemy is only there where the catalogue is in Postgres."""
    sql = sys.modules.get("sqlalchemy.exc")
    return (BotoCoreError, ClientError, OSError, *((sql.DBAPIError,) if sql else ()))


class Answering:
    """Turns what the catalogue and S3 raise into errors of ours."""

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
