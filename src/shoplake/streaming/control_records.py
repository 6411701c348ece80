"""Control records and rejected records at the end of a batch: offset ranges without events, and when to apply them."""

from __future__ import annotations

import time
from collections.abc import Iterable

from shoplake.sinks.base import Batch, OffsetRange, TopicPartition

# Without a delay the lake would commit a snapshot for every transaction marker.
EMPTY_RANGE_DELAY_S = 30.0


class EmptyRanges:
    """Ranges without events after the checkpoint. They are applied with the topic's next event, or after a delay."""

    def __init__(self, delay_s: float = EMPTY_RANGE_DELAY_S) -> None:
        self._delay_s = delay_s
        self._ranges: dict[TopicPartition, OffsetRange] = {}
        self._since = 0.0

    def __len__(self) -> int:
        return len(self._ranges)

    def join(self, batch: Batch) -> Batch:
        """The batch to apply now: extended back to the checkpoint, without the topics that have no events."""
        read = {p: OffsetRange(self._start(p, part), part.stop) for p, part in batch.ranges.items()}
        topics = {topic for topic, events in batch.events.items() if len(events)}
        without_events = {p: part for p, part in read.items() if p.topic not in topics}
        if without_events and not self._ranges:
            self._since = time.monotonic()
        self._ranges |= without_events
        with_events = {p: part for p, part in read.items() if p.topic in topics}
        self.drop(with_events)
        return Batch({topic: batch.events[topic] for topic in topics}, with_events)

    @property
    def due(self) -> bool:
        """Whether the delay is over and ranges are waiting."""
        return bool(self._ranges) and time.monotonic() - self._since >= self._delay_s

    def batch(self) -> Batch:
        """All waiting ranges, as a batch without events."""
        return Batch({}, dict(self._ranges))

    def drop(self, partitions: Iterable[TopicPartition]) -> None:
        """Remove partitions that were applied or will be read again."""
        for partition in partitions:
            self._ranges.pop(partition, None)

    def clear(self) -> None:
        """Remove everything, after the partitions were revoked."""
        self._ranges.clear()

    def _start(self, partition: TopicPartition, read: OffsetRange) -> int:
        return self._ranges[partition].start if partition in self._ranges else read.start
