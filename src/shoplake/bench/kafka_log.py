"""The log of the temporary stack: empty it between runs, and read all of it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from aiokafka.admin import AIOKafkaAdminClient

from shoplake import contract_log, kafka
from shoplake.contract import CONTRACTS, DEAD_LETTER_PROGRESS, DEAD_LETTERS, OUTCOMES, PUBLISH_PROGRESS, TOPICS
from shoplake.sinks.base import TopicPartition
from shoplake.streaming.reader import Limits, LogReader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from shoplake.settings import KafkaSettings
    from shoplake.sinks.base import Batch

ALL = (*TOPICS, CONTRACTS, DEAD_LETTERS, DEAD_LETTER_PROGRESS, PUBLISH_PROGRESS, OUTCOMES)
GONE_S = 60
GROUP = "bench"
IDLE_S = 0.05


async def empty(cluster: KafkaSettings) -> None:
    """Delete all topics and make them anew.

    Raises:
        StreamHalted, LogUnavailable: Kafka refused, did not answer, or did not delete them.
    """
    admin = AIOKafkaAdminClient(**kafka.client_options(cluster))
    async with kafka.answering(cluster), asyncio.timeout(GONE_S):
        await admin.start()
        try:
            # Deleting is answered before it is done, and a topic cannot be made while its name is in use.
            while held := sorted(set(ALL) & set(await admin.list_topics())):
                await admin.delete_topics(held)
                await asyncio.sleep(IDLE_S)
        finally:
            await admin.close()
    await contract_log.prepare(cluster)


@contextlib.asynccontextmanager
async def at_start(cluster: KafkaSettings, topics: Iterable[str], limits: Limits) -> AsyncIterator[LogReader]:
    """A sink's reader that has joined its group and stands where the log begins."""
    reader = LogReader(cluster, GROUP, topics, limits)
    await reader.start()
    try:
        while reader.revoked.is_set():  # noqa: ASYNC110 - as a sink's loop waits
            await asyncio.sleep(IDLE_S)
        await reader.seek(dict.fromkeys(reader.assignment(), 0))
        yield reader
    finally:
        await reader.stop()


async def batches(reader: LogReader) -> AsyncIterator[Batch]:
    """Batches as a sink gets them, until the end of what the log held at first."""
    ends = await reader.ends()
    while any(reader.positions[partition] < end for partition, end in ends.items()):
        read = await reader.read()
        if read is not None:
            yield read.batch


async def all_batches(cluster: KafkaSettings, topics: Iterable[str], limits: Limits) -> list[Batch]:
    """The whole log in batches as a sink of these topics gets them."""
    async with at_start(cluster, topics, limits) as reader:
        return [batch async for batch in batches(reader)]


def partitions() -> list[TopicPartition]:
    """All partitions of the events' topics."""
    return [TopicPartition(topic, number) for topic in TOPICS for number in range(kafka.PARTITIONS)]
