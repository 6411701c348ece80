"""Where the log begins and ends, and whether it still is the log that a store was filled from."""

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
# A broker that was killed reads its log through before it says where it ends; until then it may say less.
END_TRIES = 5
END_PAUSE_S = 1.0
Bounds: TypeAlias = Mapping[TopicPartition, OffsetRange]


class Log:
    """Some topics of one cluster, as one process knows them.

    Attributes:
        ids: which topics these are, since `learn`.
    """

    def __init__(self, cluster: KafkaSettings, topics: Iterable[str]) -> None:
        self._cluster = cluster
        self._topics = sorted(topics)
        self._asked = TopicIds(cluster)
        self.ids: Mapping[str, TopicId] = {}

    async def learn(self) -> None:
        """Find out which topics these are.

        Raises:
            StreamHalted: one of them does not exist, or is another than it was.
            LogUnavailable: Kafka did not answer.
        """
        found = await self._asked.read(self._topics)
        if missing := sorted(set(self._topics) - set(found)):
            raise StreamHalted(f"Kafka has no topics {', '.join(missing)}", fix="run `shoplake up`, which makes them")
        refuse_recreated("the log", self.ids, found)
        self.ids = found

    async def refuse_recreated(self) -> None:
        """Make sure that the topics still are those that `learn` found: a recreated topic has another id.

        Raises:
            StreamHalted: a topic was recreated, or its number of partitions was changed.
            LogUnavailable: Kafka did not answer, or does not know a topic at the moment.
        """
        found = await self._asked.read(self._topics)
        if missing := sorted(set(self._topics) - set(found)):
            raise LogUnavailable(
                f"Kafka no longer has topics {', '.join(missing)}", fix="were they deleted? bring them back from a copy"
            )
        refuse_recreated("the log", self.ids, found)

    def partitions(self) -> list[TopicPartition]:
        """All partitions of the topics."""
        return [TopicPartition(topic, p) for topic, known in self.ids.items() for p in range(known.partitions)]

    async def bounds(self, consumer: Any, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, OffsetRange]:  # noqa: ANN401
        """First offset and end, as far as the consumer may read.

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
        await self.refuse_recreated()  # a connection that is refused says so at once; aiokafka would try for a while
        asked = [KafkaPartition(*partition) for partition in self.partitions()]
        async with kafka.answering(self._cluster), asyncio.timeout(ANSWER_TIMEOUT_S):
            ends = await consumer.end_offsets(asked)
        return {TopicPartition(*tp): end for tp, end in ends.items()}

    async def refuse_gaps(self, consumer: Any, wanted: Mapping[TopicPartition, int]) -> None:  # noqa: ANN401
        """Make sure that the log has the offsets that are wanted next.

        Raises:
            StreamHalted: the log no longer has, or does not have yet, one of them: going on would skip events.
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
    """Which topics these are, and where each of their partitions begins and ends, as far as it is committed.

    Raises:
        StreamHalted: Kafka lacks a topic.
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
            f"{partition}: offset {wanted} is wanted next, and the log begins at {log.start}: "
            "events in between are gone",
            fix="raise the topic's retention; `shoplake rebuild STORE` fills a store from the lake where that has it",
        )
    if wanted > log.stop:
        raise StreamHalted(
            f"{partition}: all up to offset {wanted} was read, and the log ends at {log.stop}: "
            "the log was cut, or the store belongs to another one",
            fix="start with an empty store (`shoplake down --purge`), or bring back the log it was made from",
        )
