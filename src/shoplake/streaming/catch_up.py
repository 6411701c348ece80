"""Waits for sinks that somebody else runs, by what they note in Kafka of how far their stores are."""

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
    """Return when every group has noted the end that the log had when this was called.

    Args:
        cluster: Kafka.
        groups: consumer groups, each of which reads some of the contract's topics.
        timeout_s: how long they may take together.
        watch: told the lag of each group, twice a second.

    Raises:
        StreamHalted: they were not done in time; the message says who lags by how much. Or Kafka did not answer.
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
                        f"expected the sinks to have caught up within {timeout_s:.0f} s; behind are {behind}",
                        fix="do they run? their logs say what holds them up",
                    )
                await asyncio.sleep(POLL_S)
        finally:
            await admin.close()


async def _lag(admin: AIOKafkaAdminClient, group: str, ends: Mapping[TopicPartition, int]) -> int:
    """Offsets between what a group has noted and the ends, over the topics it has noted anything of."""
    noted = await admin.list_consumer_group_offsets(group)
    topics = {partition.topic for partition in noted}
    if not topics:
        return sum(ends.values())
    return sum(
        max(0, end - (noted[partition].offset if partition in noted else 0))
        for partition, end in ends.items()
        if partition.topic in topics
    )
