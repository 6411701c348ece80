"""Compaction: rewrite small files of a lake table into larger ones, sorted by offset. Sinks can run meanwhile.

A compaction is one commit that removes files and adds others, and the catalogue refuses it if the table has changed. If
a sink commits in between, the commit is tried again with the same new files, since appends remove no files. The new
snapshot repeats the newest checkpoints, so the sinks find them at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException, ValidationException
from pyiceberg.io.pyarrow import ArrowScan, _dataframe_to_data_files
from pyiceberg.typedef import Record

from shoplake.errors import StoreUnavailable
from shoplake.sinks.lake.sink import checkpoint_summary

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import FileScanTask, Table

# Sinks commit continuously; a commit of a compaction takes less than a second.
ATTEMPTS = 30
# All rows of a group are in memory, at about 1 kB each.
MAX_ROWS = 500_000


@dataclass(frozen=True, slots=True)
class Group:
    """Files of one day that are merged.

    Attributes:
        partition: the day, as Iceberg's partition value.
        tasks: the scan tasks of the files.
    """

    partition: Record
    tasks: tuple[FileScanTask, ...]

    @property
    def files(self) -> list[DataFile]:
        """The files."""
        return [task.file for task in self.tasks]

    @property
    def size_bytes(self) -> int:
        """Total size of the files."""
        return sum(file.file_size_in_bytes for file in self.files)


def plan(tasks: Iterable[FileScanTask], *, target_bytes: int, min_files: int) -> list[Group]:
    """Group the files to merge: files of one day that are smaller than half the target, up to the target size.

    Args:
        tasks: all files of the table.
        target_bytes: target size of a file.
        min_files: smaller groups are not compacted.
    """
    by_day: dict[Record, list[FileScanTask]] = {}
    for task in tasks:
        if task.file.file_size_in_bytes * 2 < target_bytes:
            by_day.setdefault(task.file.partition, []).append(task)
    return [
        Group(day, packed)
        for day, small in by_day.items()
        for packed in _packed(small, target_bytes)
        if len(packed) >= max(2, min_files)
    ]


def _packed(tasks: list[FileScanTask], target_bytes: int) -> Iterator[tuple[FileScanTask, ...]]:
    """Pack files in the order of their names, so that the same files always give the same plan."""
    group: list[FileScanTask] = []
    size_bytes = rows = 0
    for task in sorted(tasks, key=lambda task: task.file.file_path):
        full = size_bytes + task.file.file_size_in_bytes > target_bytes or rows + task.file.record_count > MAX_ROWS
        if group and full:
            yield tuple(group)
            group, size_bytes, rows = [], 0, 0
        group.append(task)
        size_bytes += task.file.file_size_in_bytes
        rows += task.file.record_count
    if group:
        yield tuple(group)


def compact(table: Table, group: Group) -> list[DataFile]:
    """Rewrite the rows of a group and replace its files in one commit.

    Returns:
        The new files; empty if another process has compacted the group meanwhile.

    Raises:
        StoreUnavailable: every attempt conflicted with another commit.
    """
    written = write_files(table, read_rows(table, group.tasks))
    try:
        for attempt in range(ATTEMPTS):
            table.refresh()
            if attempt and _holds(table, written):
                return written  # the last attempt succeeded, and its response was lost
            if _swap(table, group.files, written):
                return written
        raise StoreUnavailable(f"lake: a compaction of {table.name()[-1]} conflicted {ATTEMPTS} times")
    except ValidationException:
        # Another process has compacted these files meanwhile. No snapshot refers to ours, so they become orphans.
        return []


def read_rows(table: Table, tasks: Sequence[FileScanTask]) -> pa.Table:
    """Read the rows of files, sorted by offset, so that a later read in the order of the log needs few row groups."""
    scan = table.scan()
    rows = ArrowScan(scan.table_metadata, scan.io, scan.projection(), scan.row_filter).to_table(list(tasks))
    return rows.sort_by([("kafka_offset", "ascending"), ("kafka_partition", "ascending")])


def write_files(table: Table, rows: pa.Table) -> list[DataFile]:
    """Write rows to new files, to which no snapshot refers yet."""
    return list(_dataframe_to_data_files(table.metadata, rows, table.io))


def _swap(table: Table, old: Sequence[DataFile], new: Sequence[DataFile]) -> bool:
    try:
        with (
            table.transaction() as transaction,
            transaction.update_snapshot(snapshot_properties=checkpoint_summary(table)).overwrite() as overwrite,
        ):
            for file in old:
                overwrite.delete_data_file(file)
            for file in new:
                overwrite.append_data_file(file)
    except (CommitFailedException, CommitStateUnknownException):
        return False
    return True


def _holds(table: Table, files: Sequence[DataFile]) -> bool:
    """Whether the current snapshot has these files."""
    paths = {file.file_path for file in files}
    return bool(paths) and paths <= {task.file.file_path for task in table.scan().plan_files()}
