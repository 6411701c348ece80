"""Events that do not fit the contract, each copied once to the topic of dead letters, with a reason.

This is a Kafka-to-Kafka step, so Kafka's own transactions do it: the letters and the offsets they were read up to are
committed together. A second copy under the same name fences the first.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition

from shoplake import failpoints, kafka
from shoplake.contract import DEAD_LETTERS, TOPICS, Rejected, digest, rejections
from shoplake.errors import StreamHalted
from shoplake.streaming.loop import Progress, Report

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, ConsumerRecord

    from shoplake.settings import KafkaSettings

GROUP = "shoplake-dead-letters"
MAX_RECORDS = 50_000
POLL_MS = 200
# A letter holds its event in base64: the largest that a broker takes by default (1 MB) must fit, with room.
MAX_REQUEST_BYTES = 4 * 1024 * 1024


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One refused event: where it is in the log, why and by which contract it was refused, and what it was."""

    topic: str
    partition: int
    offset: int
    key: str | None
    timestamp_ms: int
    reason: str
    detail: str
    value_base64: str
    contract: str = ""

    @property
    def name(self) -> str:
        """One letter per place in the log."""
        return f"{self.topic}-{self.partition}-{self.offset}"

    @property
    def key_bytes(self) -> bytes:
        """The key of the message."""
        return self.name.encode()

    @property
    def value(self) -> bytes:
        """The event as it came."""
        return base64.b64decode(self.value_base64)


class DeadLetterLoop:
    """Reads all topics, writes what is refused."""

    def __init__(self, cluster: KafkaSettings, report: Report) -> None:
        self._cluster = cluster
        self._report = report
        self._read = 0

    async def run(self, *, until_caught_up: bool, stopping: asyncio.Event) -> None:
        """Go on until told to stop, or until everything committed has been looked at.

        Raises:
            StreamHalted: Kafka is away, or another process does the same work under the same name.
        """
        self._report(Progress(0, 0, "joining"))
        consumer = kafka.consumer(self._cluster, group=GROUP)
        producer = AIOKafkaProducer(
            **kafka.client_options(self._cluster),
            transactional_id=GROUP,
            request_timeout_ms=kafka.REQUEST_TIMEOUT_MS,
            max_request_size=MAX_REQUEST_BYTES,
        )
        async with kafka.answering(self._cluster):
            # The producer first: taking its name over ends a transaction that a killed predecessor left open.
            await producer.start()
            await consumer.start()
            try:
                # By hand, not by group: this step is one process, and a killed one must not be waited for.
                await _assign(consumer)
                while not stopping.is_set():
                    caught_up = await self._step(consumer, producer)
                    if caught_up and until_caught_up:
                        break
            finally:
                await consumer.stop()
                await producer.stop()

    async def _step(self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> bool:
        polled = await consumer.getmany(timeout_ms=POLL_MS, max_records=MAX_RECORDS)
        positions = {tp: await consumer.position(tp) for tp in polled}
        if positions:
            letters = [letter for tp, records in polled.items() for letter in letters_of(tp.topic, records)]
            async with producer.transaction():
                failpoints.reach("dead-letters.write.before")
                for letter in letters:
                    value = msgspec.json.encode(letter)
                    await producer.send(DEAD_LETTERS, value, letter.key_bytes, timestamp_ms=letter.timestamp_ms)
                failpoints.reach("dead-letters.checkpoint.before")
                await producer.send_offsets_to_transaction(positions, GROUP)
                failpoints.reach("dead-letters.commit.before")
            failpoints.reach("dead-letters.commit.after")
            self._read += sum(map(len, polled.values()))
        lag = await _lag(consumer)
        self._report(Progress(self._read, lag, "caught up" if lag == 0 else "streaming"))
        return lag == 0


def letters_of(topic: str, records: Sequence[ConsumerRecord[Any, Any]]) -> list[DeadLetter]:
    """Dead letters for the records of one topic that are no events of it. Pure."""
    return [_letter(records[r.position], r) for r in rejections(topic, [record.value for record in records])]


def _letter(record: ConsumerRecord[Any, Any], rejected: Rejected) -> DeadLetter:
    return DeadLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=None if record.key is None else record.key.decode(errors="replace"),
        timestamp_ms=record.timestamp,
        reason=rejected.reason,
        detail=rejected.detail,
        value_base64=base64.b64encode(record.value or b"").decode(),
        contract=digest(),
    )


async def _assign(consumer: AIOKafkaConsumer) -> None:
    known = await consumer.topics()
    if missing := sorted(set(TOPICS) - known):
        raise StreamHalted(f"Kafka has no topics {', '.join(missing)}", fix="run `shoplake up`, which makes them")
    await consumer._client.set_topics(TOPICS)
    partitions = [KafkaPartition(t, p) for t in TOPICS for p in consumer.partitions_for_topic(t) or ()]
    consumer.assign(partitions)
    begins = await consumer.beginning_offsets(partitions)
    for partition in partitions:
        committed = await consumer.committed(partition)
        if committed is not None and committed < begins[partition]:
            raise StreamHalted(
                f"dead letters: {partition.topic}-{partition.partition} was looked at up to offset {committed}, "
                f"and the log begins at {begins[partition]}: events in between are gone unseen",
                fix="raise the topic's retention",
            )
        consumer.seek(partition, begins[partition] if committed is None else committed)


async def _lag(consumer: AIOKafkaConsumer) -> int:
    ends = await consumer.end_offsets(list(consumer.assignment()))
    return sum([max(0, end - await consumer.position(tp)) for tp, end in ends.items()])
