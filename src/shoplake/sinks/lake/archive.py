"""Read the lake as an archive of the log, in order of offset, to rebuild a store after the log was truncated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl
from pyiceberg.conversions import from_bytes
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import And, GreaterThanOrEqual, LessThan
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.types import LongType

from shoplake.contract import TOPICS
from shoplake.errors import SinkError
from shoplake.sinks.base import Batch, OffsetRange, TopicPartition
from shoplake.sinks.lake.sink import IDENTITY, Answering, read_checkpoints
from shoplake.sinks.lake.tables import open_catalog

if TYPE_CHECKING:
    from pyiceberg.table import FileScanTask, Table

    from shoplake.settings import Settings

# Approximate number of rows per batch: a window of offsets is read from all partitions together.
BATCH_ROWS = 100_000


class Archive:
    """A snapshot of one topic's table. Blocking: call it from a thread.

    Attributes:
        identity: identity of the topic that filled the table; empty if it is not stored.
    """

    def __init__(self, settings: Settings, topic: str) -> None:
        """Load the table.

        Raises:
            SinkError: there is no such table.
            StoreUnavailable: the catalogue did not answer.
        """
        self._topic = topic
        with Answering(topic):
            try:
                self._table: Table = open_catalog(settings).load_table((settings.lake.database, topic))
            except NoSuchTableError as error:
                raise SinkError(
                    f"the lake has no table {topic}, and the log of this topic no longer begins at offset 0",
                    fix="restore the lake, or a backup of the log",
                ) from error
            self.identity: str = self._table.properties.get(IDENTITY, "")
            self._ends = {p: checkpoint.next_offset for p, checkpoint in read_checkpoints(self._table).items()}

    def ends(self) -> Mapping[TopicPartition, int]:
        """For each partition the first offset that the lake does not hold."""
        return {TopicPartition(self._topic, partition): end for partition, end in self._ends.items()}

    def batches(self, starts: Mapping[TopicPartition, int]) -> Iterator[Batch]:
        """Read the events of these partitions from these offsets on, in order.

        Raises:
            StoreUnavailable: S3 did not answer, or maintenance has removed files: start again.
        """
        wanted = {p.partition: start for p, start in starts.items() if start < self._ends.get(p.partition, 0)}
        if not wanted:
            return
        step = max(1, BATCH_ROWS // len(wanted))
        last = max(self._ends[partition] for partition in wanted)
        with Answering(self._topic):
            files = [(task, *_offsets(self._table, task)) for task in self._table.scan().plan_files()]
        for low in range(min(wanted.values()), last, step):
            cut = {p: OffsetRange(max(low, start), min(low + step, self._ends[p])) for p, start in wanted.items()}
            if ranges := {TopicPartition(self._topic, p): part for p, part in cut.items() if part.start < part.stop}:
                tasks = [task for task, first, final in files if first < low + step and final >= low]
                yield Batch({self._topic: self._rows(tasks, low, low + step, ranges)}, ranges)

    def _rows(
        self, tasks: Sequence[FileScanTask], low: int, high: int, ranges: Mapping[TopicPartition, OffsetRange]
    ) -> pl.DataFrame:
        scan = self._table.scan(row_filter=And(GreaterThanOrEqual("kafka_offset", low), LessThan("kafka_offset", high)))
        with Answering(self._topic):
            rows = ArrowScan(scan.table_metadata, scan.io, scan.projection(), scan.row_filter).to_table(tasks)
        found = pl.from_arrow(rows)
        assert isinstance(found, pl.DataFrame)  # noqa: S101 - always so for a table; for mypy
        # A new column of the contract is missing until a sink has added it to the table.
        columns = [
            pl.col(name).cast(kind) if name in found.columns else pl.lit(None, kind).alias(name)
            for name, kind in TOPICS[self._topic].columns.items()
        ]
        bounds = pl.DataFrame(
            [(p.partition, start, stop) for p, (start, stop) in ranges.items()],
            schema={"partition": pl.Int32, "start": pl.Int64, "stop": pl.Int64},
            orient="row",
        )
        return (
            found.rename({"kafka_partition": "partition", "kafka_offset": "offset"})
            .join(bounds, on="partition")
            .filter(pl.col("offset") >= pl.col("start"), pl.col("offset") < pl.col("stop"))
            .sort("partition", "offset")
            .select(*columns, "partition", "offset")
        )


def _offsets(table: Table, task: FileScanTask) -> tuple[int, int]:
    """The lowest and the highest offset in a file, from its statistics; the widest range if there are none."""
    field = table.schema().find_field("kafka_offset").field_id
    lower, upper = (task.file.lower_bounds or {}).get(field), (task.file.upper_bounds or {}).get(field)
    least = from_bytes(LongType(), lower) if lower is not None else 0
    greatest = from_bytes(LongType(), upper) if upper is not None else 2**62
    return least, greatest
