"""Topics that somebody made before us, on a stack of this file's own: other tests' stores know the ids of theirs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shoplake import kafka
from shoplake import stack as embedded
from shoplake.contract import PUBLISH_PROGRESS, TOPICS
from shoplake.environments import prepare_stack
from shoplake.errors import StreamHalted
from shoplake.settings import KafkaSettings
from tests.own_stack import own_stack

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    with own_stack(tmp_path_factory.mktemp("topics") / "home"):
        prepare_stack()
        yield KafkaSettings(bootstrap_servers=embedded.connections().kafka_bootstrap_servers)


@pytest.mark.parametrize(
    ("topic", "made", "why"),
    [
        ("orders", {"retention.ms": "604800000"}, "retention.ms=604800000"),
        ("orders", {"retention.ms": "-1", "cleanup.policy": "compact"}, "cleanup.policy=compact"),
        ("dead-letters", {"retention.ms": "-1", "max.message.bytes": "1000"}, "max.message.bytes=1000"),
        (PUBLISH_PROGRESS, {"cleanup.policy": "delete"}, "cleanup.policy=delete"),
    ],
)
async def test_a_topic_that_would_lose_records_is_refused(
    cluster: KafkaSettings, topic: str, made: dict[str, str], why: str
) -> None:
    async with made_before(cluster, topic, 1, made):
        with pytest.raises(StreamHalted, match=why) as refused:
            await kafka.create_topics(cluster)
    assert f"--entity-name {topic}" in refused.value.fix


async def test_a_topic_that_needs_one_order_is_refused_with_two_partitions(cluster: KafkaSettings) -> None:
    async with made_before(cluster, PUBLISH_PROGRESS, 2, {"cleanup.policy": "compact"}):
        with pytest.raises(StreamHalted, match="found 2"):
            await kafka.create_topics(cluster)


async def test_an_existing_event_topic_keeps_its_number_of_partitions(cluster: KafkaSettings) -> None:
    made = {"retention.ms": "-1", "message.timestamp.after.max.ms": str(2**63 - 1)}
    async with made_before(cluster, "reviews", 9, made):
        await kafka.create_topics(cluster)
        ends = await kafka.stable_end_offsets(cluster, TOPICS)
    assert {tp.partition for tp in ends if tp.topic == "reviews"} == set(range(9))
    assert TopicPartition("orders", 5) in ends


@contextlib.asynccontextmanager
async def made_before(cluster: KafkaSettings, topic: str, partitions: int, made: dict[str, str]) -> AsyncIterator[None]:
    """The topic as somebody else made it; afterwards it is as ours are."""
    admin = AIOKafkaAdminClient(**kafka.client_options(cluster))
    await admin.start()

    wanted = NewTopic(topic, partitions, 1, topic_configs=made)

    async def gone() -> None:
        await admin.delete_topics([topic])
        while topic in await admin.list_topics():  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    try:
        await gone()
        # A topic that is being deleted is no longer listed, and still there.
        while any(code for _, code, *_ in (await admin.create_topics([wanted])).topic_errors):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        yield
    finally:
        await gone()
        await kafka.create_topics(cluster)
        await admin.close()
