"""Records that a worker has read and not applied yet, by partition."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shoplake.sinks.base import OffsetRange, TopicPartition


class UnappliedRecords:
    """Counts of records, for the progress report: a batch is counted when it is in the store."""

    def __init__(self) -> None:
        self._counts: Counter[TopicPartition] = Counter()

    def add(self, records: Mapping[TopicPartition, int], read: Iterable[TopicPartition]) -> None:
        """Add the records of a batch in the partitions that it has read."""
        self._counts.update({partition: records[partition] for partition in read if partition in records})

    def take(self, ranges: Mapping[TopicPartition, OffsetRange]) -> int:
        """Take out the records of the applied offsets, and return their number."""
        taken = 0
        for partition, (start, stop) in ranges.items():
            count = min(self._counts[partition], stop - start)  # offsets have gaps, so the last part takes the rest
            self._counts[partition] -= count
            taken += count
        return taken

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget the records of partitions that will be read again."""
        for partition in partitions:
            del self._counts[partition]

    def clear(self) -> None:
        """Forget all records."""
        self._counts.clear()
