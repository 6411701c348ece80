"""The lake: one Iceberg table per topic on S3. Data files and checkpoint become visible in one commit.

The checkpoint of every partition of a table is a property of its newest snapshot. A commit is refused by the catalogue
when the table has moved since it was read, so taking over commits an empty snapshot with a higher epoch, and whatever
an earlier owner still tries meets a table that has moved.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError
from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException, NoSuchTableError

from shoplake import failpoints
from shoplake.contract import TOPICS
from shoplake.errors import Fenced, SinkError, StoreUnavailable
from shoplake.sinks import fold
from shoplake.sinks.base import Batch, Checkpoint, OffsetRange, Ownership, Sink, TopicPartition
from shoplake.sinks.lake_tables import create_table, open_catalog
from shoplake.sinks.parallel import in_parallel

if TYPE_CHECKING:
    from pyiceberg.table import Table

    from shoplake.settings import Settings

CHECKPOINT = "shoplake.checkpoint"
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

    async def prepare(self) -> None:
        """Make the tables."""
        await asyncio.to_thread(self._prepare)

    async def open(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Commit an empty snapshot per table that raises the epochs."""
        by_topic: dict[str, list[int]] = {}
        for topic, partition in partitions:
            by_topic.setdefault(topic, []).append(partition)
        await asyncio.to_thread(self._prepare)
        opened = await in_parallel(lambda item: self._open(*item), list(by_topic.items()))
        return {partition: checkpoint for table in opened for partition, checkpoint in table.items()}

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        """One commit per topic."""
        topics = sorted({partition.topic for partition in batch.ranges})
        await in_parallel(lambda topic: self._append(topic, batch, owner), topics)

    async def close(self) -> None:
        """Nothing is held open."""

    def _prepare(self) -> None:
        if self._tables:
            return
        with _Answering("its catalogue"):
            catalog = open_catalog(self._settings)
            self._tables = {
                topic: create_table(catalog, self._settings.lake.database, TOPICS[topic]) for topic in sorted(TOPICS)
            }

    def _open(self, topic: str, partitions: list[int]) -> dict[TopicPartition, Checkpoint]:
        def take_over(found: Checkpoints) -> Checkpoints:
            none = Checkpoint(next_offset=0, epoch=0)
            return {p: Checkpoint(found.get(p, none).next_offset, found.get(p, none).epoch + 1) for p in partitions}

        for _ in range(ATTEMPTS):
            with _Answering(topic):
                table = self._tables[topic].refresh()
                found = read_checkpoints(table)
                mine = take_over(found)
                failpoints.reach("lake.open.before")
                if _commit(table, None, found | mine):
                    failpoints.reach("lake.open.after")
                    return {TopicPartition(topic, p): checkpoint for p, checkpoint in mine.items()}
        raise _contended(topic)

    def _append(self, topic: str, batch: Batch, owner: Ownership) -> None:
        ranges = {p: read for p, read in batch.ranges.items() if p.topic == topic}
        part = Batch({topic: batch.events.get(topic, _no_events(topic))}, ranges)
        for _ in range(ATTEMPTS):
            with _Answering(topic):
                table = self._tables[topic].refresh()
                found = read_checkpoints(table)
                fresh = part.after(_owned(topic, found, ranges, owner))
                if not fresh.ranges:
                    return
                moved = {p.partition: Checkpoint(read.stop, owner[p]) for p, read in fresh.ranges.items()}
                failpoints.reach("lake.write.before")
                if _commit(table, to_arrow(topic, fresh.events[topic]), found | moved):
                    failpoints.reach("lake.commit.after")
                    return
        raise _contended(topic)


def read_checkpoints(table: Table) -> Checkpoints:
    """The newest checkpoint among the current snapshot and its ancestors: maintenance commits carry none."""
    snapshot = table.current_snapshot()
    while snapshot is not None:
        summary = snapshot.summary
        if summary is not None and summary[CHECKPOINT] is not None:
            found = json.loads(summary[CHECKPOINT] or "{}")
            return {int(p): Checkpoint(next_offset, epoch) for p, (next_offset, epoch) in found.items()}
        parent = snapshot.parent_snapshot_id
        snapshot = table.snapshot_by_id(parent) if parent is not None else None
    return {}


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
            if rows is not None and rows.num_rows:
                commit.append(rows, snapshot_properties=summary)  # the files; nobody sees them before the commit
            else:
                with commit.update_snapshot(snapshot_properties=summary).fast_append():
                    pass  # a snapshot without files: only the summary moves
            failpoints.reach("lake.commit.before")
    except (CommitFailedException, CommitStateUnknownException):
        return False
    return True


def _owned(
    topic: str, found: Checkpoints, ranges: Mapping[TopicPartition, OffsetRange], owner: Ownership
) -> dict[TopicPartition, Checkpoint]:
    for partition in ranges:
        epoch = found[partition.partition].epoch if partition.partition in found else None
        if epoch != owner[partition]:
            raise Fenced(f"lake: {partition} belongs to epoch {epoch}, not to {owner[partition]}")
    return {TopicPartition(topic, p): checkpoint for p, checkpoint in found.items()}


def _no_events(topic: str) -> pl.DataFrame:
    schema: dict[str, Any] = {**TOPICS[topic].columns, "partition": pl.Int32, "offset": pl.Int64}
    return pl.DataFrame(schema=schema)


def _contended(topic: str) -> StoreUnavailable:
    return StoreUnavailable(f"lake: table {topic} moved {ATTEMPTS} times while one commit was tried")


class _Answering:
    """Turns what the catalogue and S3 raise into errors of ours."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, NoSuchTableError):
            raise SinkError(
                f"lake: {self._what} is gone: {error}", fix="run `shoplake apply`, then start again"
            ) from error
        if isinstance(error, BotoCoreError | ClientError | OSError):
            raise StoreUnavailable(f"lake: {self._what} did not answer: {error}", fix="`shoplake status`") from error
