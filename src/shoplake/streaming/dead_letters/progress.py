"""The progress of the dead-letter step: a record of a compacted topic, written in the same transaction as the letters.

Consumer group offsets are not enough: the broker deletes them after a group was idle for seven days.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from shoplake import kafka
from shoplake.contract import DEAD_LETTER_PROGRESS, DEAD_LETTERS
from shoplake.sinks.base import TopicPartition
from shoplake.topic_identity import TopicId, refuse_recreated

if TYPE_CHECKING:
    from shoplake.settings import KafkaSettings

KEY = DEAD_LETTERS.encode()
# Each progress record has the positions of all partitions, so only the newest is needed.
LAST_OFFSETS = 200


class DeadLetterProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The offsets up to which the step has processed the log.

    Attributes:
        topics: topic → its identity, as `str(TopicId)`.
        next_offsets: topic → for each partition the first offset that was not processed.
    """

    topics: dict[str, str]
    next_offsets: dict[str, list[int]]

    @classmethod
    def of(cls, ids: Mapping[str, TopicId], positions: Mapping[TopicPartition, int]) -> DeadLetterProgress:
        """Create progress from the topic ids and the next offset of each partition."""
        return cls(
            topics={topic: str(known) for topic, known in ids.items()},
            next_offsets={t: [positions[TopicPartition(t, p)] for p in range(i.partitions)] for t, i in ids.items()},
        )

    def positions(self, ids: Mapping[str, TopicId]) -> dict[TopicPartition, int]:
        """The next offset of each partition, after a check that the topics are still the same.

        Raises:
            StreamHalted: a topic was recreated, or has another number of partitions.
        """
        known = {topic: TopicId.parse(text) for topic, text in self.topics.items()}
        refuse_recreated(DEAD_LETTERS, known, ids)
        return {
            TopicPartition(t, p): offset for t, found in self.next_offsets.items() for p, offset in enumerate(found)
        }


async def read(cluster: KafkaSettings) -> DeadLetterProgress | None:
    """Read the newest progress; None if there is none, or it was deleted. Other records are ignored.

    Raises:
        StreamHalted, LogUnavailable: Kafka does not have the topic, or did not answer.
    """
    for last in (LAST_OFFSETS, None):
        for record in reversed(await kafka.records_to_end(cluster, DEAD_LETTER_PROGRESS, last=last)):
            if record.key == KEY and record.value is None:
                return None  # it was deleted
            if record.key == KEY and (progress := _decode(record.value)):
                return progress
    return None


def _decode(value: bytes) -> DeadLetterProgress | None:
    try:
        return msgspec.json.decode(value, type=DeadLetterProgress)
    except (msgspec.DecodeError, RecursionError):
        return None
