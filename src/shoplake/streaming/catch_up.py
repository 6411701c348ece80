"""Wait until sinks that run in other processes have caught up, by the offsets that they commit to Kafka."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from aiokafka.admin import AIOKafkaAdminClient

from shoplake import kafka
from shoplake.contract import TOPICS
from shoplake.errors import StreamHalted

if TYPE_CHECKING:
    from aiokafka import TopicPartition

    from shoplake.settings import KafkaSettings

POLL_S = 0.5


async def until_caught_up(
    cluster: KafkaSettings, groups: Sequence[str], *, timeout_s: float, watch: Callable[[Mapping[str, int]], None]
) -> None:
    """Return when every consumer group has committed the end offsets that the log has now.

    Args:
        cluster: the Kafka cluster.
        groups: consumer groups, each of which reads some of the contract's topics.
        timeout_s: time limit for all groups together.
        watch: called twice a second with the lag of each group.

    Raises:
        StreamHalted: a group did not catch up in time (the message has its lag), or Kafka did not answer.
    """
    ends = await kafka.stable_end_offsets(cluster, TOPICS)
    deadline = time.monotonic() + timeout_s
    async with kafka.answering(cluster):
        admin = AIOKafkaAdminClient(**kafka.client_options(cluster), request_timeout_ms=kafka.REQUEST_TIMEOUT_MS)
        await admin.start()
        try:
            while any((lags := {group: await _lag(admin, group, ends) for group in groups}).values()):
                watch(lags)
                if time.monotonic() > deadline:
                    behind = ", ".join(f"{group} by {lag}" for group, lag in sorted(lags.items()) if lag)
                    raise StreamHalted(
                        f"expected the sinks to catch up within {timeout_s:.0f} s, found a lag of {behind}",
                        fix="check that the sinks are running; their logs say what they wait for",
                    )
                await asyncio.sleep(POLL_S)
        finally:
            await admin.close()


async def _lag(admin: AIOKafkaAdminClient, group: str, ends: Mapping[TopicPartition, int]) -> int:
    """Lag of a group, in offsets, over the topics of which it has committed any."""
    committed = await admin.list_consumer_group_offsets(group)
    topics = {partition.topic for partition in committed}
    if not topics:
        return sum(ends.values())
    return sum(
        max(0, end - (committed[partition].offset if partition in committed else 0))
        for partition, end in ends.items()
        if partition.topic in topics
    )
