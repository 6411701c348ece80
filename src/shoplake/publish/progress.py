"""How far a publisher is: one record per publisher in a compacted topic, written in the events' own transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from aiokafka import TopicPartition

from shoplake import kafka
from shoplake.contract import PROGRESS, TOPICS
from shoplake.errors import PublishError

if TYPE_CHECKING:
    from shoplake.settings import KafkaSettings

POLL_MS = 500
# The topic has one partition and one record per publisher and window since its last compaction.
MAX_POLLS = 10_000


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What a publisher has put into the log.

    Attributes:
        publisher: its name, the record's key.
        scenario: the whole definition, so that the run can be simulated again from the log alone.
        version: of the simulator.
        topics: whose records are published; a run is of all of them or of some from its start.
        window: the next window.
        skip: records of that window that are in the log already.
        events: records published so far.
    """

    publisher: str
    scenario: dict[str, Any]
    scenario_digest: str
    seed: int
    version: int
    topics: tuple[str, ...] = tuple(TOPICS)
    window: int
    skip: int
    events: int


async def read_progress(cluster: KafkaSettings) -> dict[str, Published]:
    """The newest record of each publisher, by name.

    Raises:
        PublishError: a record is not readable.
        StreamHalted: Kafka did not answer.
    """
    partition = TopicPartition(PROGRESS, 0)
    newest: dict[str, Published] = {}
    consumer = kafka.consumer(cluster)
    async with kafka.answering(cluster):
        await consumer.start()
        try:
            consumer.assign([partition])
            end = (await consumer.end_offsets([partition]))[partition]
            consumer.seek(partition, (await consumer.beginning_offsets([partition]))[partition])
            for _ in range(MAX_POLLS):
                if await consumer.position(partition) >= end:
                    break
                for record in (await consumer.getmany(timeout_ms=POLL_MS)).get(partition, ()):
                    newest[record.key.decode()] = _decode(record.value)
            else:
                raise PublishError(f"{PROGRESS}: the end of the topic was not reached in {MAX_POLLS} polls")
        finally:
            await consumer.stop()
    return newest


def _decode(value: bytes) -> Published:
    try:
        return msgspec.json.decode(value, type=Published)
    except msgspec.DecodeError as error:
        raise PublishError(f"{PROGRESS}: a record is not of this version: {error}", fix="use a new stack") from error
