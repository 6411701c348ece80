"""Small files of a lake's table become few: the same rows, written again by offset. Safe beside running sinks.

A compaction is one commit that takes files out and puts others in, on the condition that the table still is as it was
read. A sink that commits in between is not disturbed: the commit is tried again on top of its, with the files that are
written already, since appends take no file away. The snapshot carries the newest checkpoint on, so that the sinks find
it where they look first.
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

# Sinks commit all the time; a commit of ours takes a fraction of a second.
ATTEMPTS = 30
# Rows of one group are in memory, at about a kilobyte each.
MAX_ROWS = 500_000


@dataclass(frozen=True, slots=True)
class Group:
    """Files of one day that become one.

    Attributes:
        partition: the day, as Iceberg's partition value.
        tasks: the files, as they are to be read.
    """

    partition: Record
    tasks: tuple[FileScanTask, ...]

    @property
    def files(self) -> list[DataFile]:
        """The files."""
        return [task.file for task in self.tasks]

    @property
    def size_bytes(self) -> int:
        """What they take on disk."""
        return sum(file.file_size_in_bytes for file in self.files)


def plan(tasks: Iterable[FileScanTask], *, target_bytes: int, min_files: int) -> list[Group]:
    """Which files to bring together: those of one day that are less than half of the target, as many as fit into it.

    Args:
        tasks: all files of the table.
        target_bytes: how large a file should become.
        min_files: fewer than these are left as they are.
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
    """In the order of their names, which begin with nothing that means anything: the same plan for the same files."""
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
    """Write a group's rows again and swap the files, in one commit; returns the new files, none if others were quicker.

    Raises:
        StoreUnavailable: others committed at each attempt.
    """
    written = write_files(table, read_rows(table, group.tasks))
    try:
        for attempt in range(ATTEMPTS):
            table.refresh()
            if attempt and _holds(table, written):
                return written  # the answer to the attempt before was lost, and it had succeeded
            if _swap(table, group.files, written):
                return written
        raise StoreUnavailable(f"lake: {table.name()[-1]} moved {ATTEMPTS} times while one compaction was committed")
    except ValidationException:
        # Somebody else has compacted these files meanwhile. Ours are named by no snapshot, and go as orphans.
        return []


def read_rows(table: Table, tasks: Sequence[FileScanTask]) -> pa.Table:
    """The rows of some files, by offset: who reads the lake in the order of the log then reads few row groups."""
    scan = table.scan()
    rows = ArrowScan(scan.table_metadata, scan.io, scan.projection(), scan.row_filter).to_table(list(tasks))
    return rows.sort_by([("kafka_offset", "ascending"), ("kafka_partition", "ascending")])


def write_files(table: Table, rows: pa.Table) -> list[DataFile]:
    """Rows as files that no snapshot names yet."""
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
    """Whether the current snapshot has these files: then so have those that follow it."""
    paths = {file.file_path for file in files}
    return bool(paths) and paths <= {task.file.file_path for task in table.scan().plan_files()}
