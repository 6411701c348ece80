"""How far the dead-letter step is: a record of a compacted topic, written in the transaction of the letters.

A consumer group's offsets would not do: the broker forgets a group that was idle for seven days.
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
# The step writes one record at a time, and each has all positions: the newest is among the last.
LAST_OFFSETS = 200


class LetterProgress(msgspec.Struct, frozen=True, kw_only=True):
    """What the step has looked at.

    Attributes:
        topics: which topics these were, as `str(TopicId)`.
        next_offsets: per topic and partition the first offset that was not looked at.
    """

    topics: dict[str, str]
    next_offsets: dict[str, list[int]]

    @classmethod
    def of(cls, ids: Mapping[str, TopicId], positions: Mapping[TopicPartition, int]) -> LetterProgress:
        """Progress in these topics, from a position for each of their partitions."""
        return cls(
            topics={topic: str(known) for topic, known in ids.items()},
            next_offsets={t: [positions[TopicPartition(t, p)] for p in range(i.partitions)] for t, i in ids.items()},
        )

    def positions(self, ids: Mapping[str, TopicId]) -> dict[TopicPartition, int]:
        """The next offset of each partition, if the topics still are those that were looked at.

        Raises:
            StreamHalted: a topic was recreated, or has another number of partitions.
        """
        known = {topic: TopicId.parse(text) for topic, text in self.topics.items()}
        refuse_recreated(DEAD_LETTERS, known, ids)
        return {
            TopicPartition(t, p): offset for t, found in self.next_offsets.items() for p, offset in enumerate(found)
        }


async def read(cluster: KafkaSettings) -> LetterProgress | None:
    """The newest progress; None where there is none, or it was deleted. What is no progress is passed over.

    Raises:
        StreamHalted, LogUnavailable: Kafka lacks the topic, or did not answer.
    """
    for last in (LAST_OFFSETS, None):
        for record in reversed(await kafka.records_to_end(cluster, DEAD_LETTER_PROGRESS, last=last)):
            if record.key == KEY and record.value is None:
                return None  # somebody deleted it
            if record.key == KEY and (progress := _decode(record.value)):
                return progress
    return None


def _decode(value: bytes) -> LetterProgress | None:
    try:
        return msgspec.json.decode(value, type=LetterProgress)
    except (msgspec.DecodeError, RecursionError):
        return None
