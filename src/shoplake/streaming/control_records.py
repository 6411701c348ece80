"""What was read and holds no event: markers of transactions, dead letters. Decides when a checkpoint moves for it."""

from __future__ import annotations

import time
from collections.abc import Iterable

from shoplake.sinks.base import Batch, OffsetRange, TopicPartition

# A store that commits files, as the lake does, would keep a snapshot for each marker.
KEPT_S = 30.0


class Tail:
    """Ranges that were read behind what the store holds; they go with their topic's next event, or after a while."""

    def __init__(self, kept_s: float = KEPT_S) -> None:
        self._kept_s = kept_s
        self._kept: dict[TopicPartition, OffsetRange] = {}
        self._since = 0.0

    def __len__(self) -> int:
        return len(self._kept)

    def join(self, batch: Batch) -> Batch:
        """What is to be applied: the batch, begun where the store stands, without the topics that have no event."""
        read = {p: OffsetRange(self._begin(p, part), part.stop) for p, part in batch.ranges.items()}
        topics = {topic for topic, events in batch.events.items() if len(events)}
        quiet = {p: part for p, part in read.items() if p.topic not in topics}
        if quiet and not self._kept:
            self._since = time.monotonic()
        self._kept |= quiet
        loud = {p: part for p, part in read.items() if p.topic in topics}
        self.drop(loud)
        return Batch({topic: batch.events[topic] for topic in topics}, loud)

    @property
    def due(self) -> bool:
        """Whether what is kept has waited long enough."""
        return bool(self._kept) and time.monotonic() - self._since >= self._kept_s

    def batch(self) -> Batch:
        """All that is kept, to be applied by itself."""
        return Batch({}, dict(self._kept))

    def drop(self, partitions: Iterable[TopicPartition]) -> None:
        """These went to the store, or are read again."""
        for partition in partitions:
            self._kept.pop(partition, None)

    def clear(self) -> None:
        """The partitions are no longer ours."""
        self._kept.clear()

    def _begin(self, partition: TopicPartition, read: OffsetRange) -> int:
        return self._kept[partition].start if partition in self._kept else read.start
