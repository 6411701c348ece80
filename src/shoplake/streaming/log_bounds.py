"""Begin and end offsets of the log, and checks that it is still the log from which a store was filled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from aiokafka import TopicPartition as KafkaPartition

from shoplake import kafka
from shoplake.errors import LogUnavailable, StreamHalted
from shoplake.sinks.base import OffsetRange, TopicPartition
from shoplake.topic_identity import TopicId, TopicIds, refuse_recreated

if TYPE_CHECKING:
    from shoplake.settings import KafkaSettings

ANSWER_TIMEOUT_S = 10.0
# After a crash a broker recovers its log, and may report too low an end offset until then.
END_TRIES = 5
END_PAUSE_S = 1.0
Bounds: TypeAlias = Mapping[TopicPartition, OffsetRange]


class Log:
    """Some topics of a cluster, with the ids that they had when this process first read them.

    Attributes:
        ids: topic → its identity, set by `learn`.
    """

    def __init__(self, cluster: KafkaSettings, topics: Iterable[str]) -> None:
        self._cluster = cluster
        self._topics = sorted(topics)
        self._asked = TopicIds(cluster)
        self.ids: Mapping[str, TopicId] = {}

    async def learn(self) -> None:
        """Read the ids of the topics.

        Raises:
            StreamHalted: a topic does not exist, or was recreated.
            LogUnavailable: Kafka did not answer.
        """
        found = await self._asked.read(self._topics)
        if missing := sorted(set(self._topics) - set(found)):
            raise StreamHalted(f"Kafka has no topics {', '.join(missing)}", fix="run `shoplake up`, which creates them")
        refuse_recreated("the log", self.ids, found)
        self.ids = found

    async def refuse_recreated(self) -> None:
        """Check that the topics still have the ids that `learn` found.

        Raises:
            StreamHalted: a topic was recreated, or its number of partitions has changed.
            LogUnavailable: Kafka did not answer, or does not know a topic at the moment.
        """
        found = await self._asked.read(self._topics)
        if missing := sorted(set(self._topics) - set(found)):
            raise LogUnavailable(
                f"Kafka no longer has topics {', '.join(missing)}",
                fix="if they were deleted, restore them from a backup",
            )
        refuse_recreated("the log", self.ids, found)

    def partitions(self) -> list[TopicPartition]:
        """All partitions of the topics."""
        return [TopicPartition(topic, p) for topic, known in self.ids.items() for p in range(known.partitions)]

    async def bounds(self, consumer: Any, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, OffsetRange]:  # noqa: ANN401
        """The first offset and the end offset of each partition, as the consumer sees them.

        Raises:
            LogUnavailable: Kafka did not answer.
        """
        asked = [KafkaPartition(*partition) for partition in partitions]
        async with kafka.answering(self._cluster), asyncio.timeout(ANSWER_TIMEOUT_S):
            begins = await consumer.beginning_offsets(asked)
            ends = await consumer.end_offsets(asked)
        return {TopicPartition(*tp): OffsetRange(begins[tp], ends[tp]) for tp in asked}

    async def ends(self, consumer: Any) -> dict[TopicPartition, int]:  # noqa: ANN401 - aiokafka is untyped
        """The end of each partition of the topics.

        Raises:
            StreamHalted: a topic was recreated.
            LogUnavailable: Kafka did not answer.
        """
        await self.refuse_recreated()  # fails at once if Kafka refuses the connection; aiokafka would retry first
        asked = [KafkaPartition(*partition) for partition in self.partitions()]
        async with kafka.answering(self._cluster), asyncio.timeout(ANSWER_TIMEOUT_S):
            ends = await consumer.end_offsets(asked)
        return {TopicPartition(*tp): end for tp, end in ends.items()}

    async def refuse_gaps(self, consumer: Any, wanted: Mapping[TopicPartition, int]) -> None:  # noqa: ANN401
        """Check that the log has the offsets that are needed next.

        Raises:
            StreamHalted: the log no longer has an offset, or does not have it yet: to continue would skip events.
            LogUnavailable: Kafka did not answer.
        """
        for attempt in range(1, END_TRIES + 1):
            bounds = await self.bounds(consumer, wanted)
            if attempt == END_TRIES or all(offset <= bounds[p].stop for p, offset in wanted.items()):
                break
            await asyncio.sleep(END_PAUSE_S)
        for partition, offset in wanted.items():
            _refuse_gap(partition, offset, bounds[partition])

    async def close(self) -> None:
        """Close the connection."""
        await self._asked.close()


async def read_bounds(cluster: KafkaSettings, topics: Iterable[str]) -> tuple[Mapping[str, TopicId], Bounds]:
    """Read the ids of topics, and the first and the committed end offset of each partition.

    Raises:
        StreamHalted: Kafka does not have a topic.
        LogUnavailable: Kafka did not answer.
    """
    log, consumer = Log(cluster, topics), kafka.consumer(cluster)
    try:
        await log.learn()
        async with kafka.answering(cluster):
            await consumer.start()
        return log.ids, await log.bounds(consumer, log.partitions())
    finally:
        await kafka.stop(consumer)
        await log.close()


def _refuse_gap(partition: TopicPartition, wanted: int, log: OffsetRange) -> None:
    if wanted < log.start:
        raise StreamHalted(
            f"{partition}: expected offset {wanted} next, but the log begins at {log.start}: "
            "the events in between were deleted",
            fix="raise the topic's retention; `shoplake rebuild STORE` can fill a store from the lake",
        )
    if wanted > log.stop:
        raise StreamHalted(
            f"{partition}: the store has applied all offsets up to {wanted}, but the log ends at {log.stop}: "
            "the log was truncated, or the store was filled from another log",
            fix="start with an empty store (`shoplake down --purge`), or restore the log that filled the store",
        )
