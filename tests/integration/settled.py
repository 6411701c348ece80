"""Waits for what Kafka leaves open: a commit is answered before its markers are in the log and readers see it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition

from shoplake import kafka

TIMEOUT_S = 30


async def settled_ends(servers: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
    """Where the topics end, once no transaction is open in them."""
    partitions = [TopicPartition(topic, p) for topic in topics for p in range(kafka.PARTITIONS)]
    every = AIOKafkaConsumer(bootstrap_servers=servers, isolation_level="read_uncommitted")
    committed = kafka.consumer(servers)
    async with asyncio.timeout(TIMEOUT_S), every, committed:
        while (ends := await committed.end_offsets(partitions)) != await every.end_offsets(partitions):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return ends
