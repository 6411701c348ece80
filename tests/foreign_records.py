"""Records as a stranger's producer may write them: what aiokafka's own producer would not, and Kafka takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from shoplake import kafka
from shoplake.settings import KafkaSettings

MAX_BATCH_BYTES = 64 * 1024 * 1024


class RawName(str):
    """The name of a header whose bytes need not be UTF-8."""

    raw: bytes

    def __new__(cls, raw: bytes) -> RawName:
        self = super().__new__(cls, raw.decode(errors="replace"))
        self.raw = raw
        return self

    def encode(self, *_: Any, **__: Any) -> bytes:
        return self.raw


@dataclass(frozen=True, slots=True)
class Foreign:
    """One record; its headers' names are bytes."""

    value: bytes | None
    key: bytes | None = None
    timestamp_ms: int = 0
    headers: Sequence[tuple[bytes, bytes | None]] = ()


def batch_of(records: Sequence[Foreign], compression: int = 0) -> bytes:
    """A batch of Kafka's format 2; compression by its number there."""
    builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, -1, MAX_BATCH_BYTES)
    for offset, one in enumerate(records):
        headers = [(RawName(name), value) for name, value in one.headers]
        builder.append(offset, one.timestamp_ms, one.key, one.value, headers)
    return bytes(builder.build())


async def produce(
    cluster: KafkaSettings, topic: str, partition: int, records: Sequence[Foreign], compression: int = 0
) -> list[int]:
    """Write the records as one batch; returns their offsets."""
    client = AIOKafkaClient(**kafka.client_options(cluster))
    await client.bootstrap()
    try:
        node = client.cluster.leader_for_partition(kafka.TopicPartition(topic, partition))
        if node is None:
            await client.set_topics([topic])
            node = client.cluster.leader_for_partition(kafka.TopicPartition(topic, partition))
        request = ProduceRequest(None, -1, 30_000, [(topic, [(partition, batch_of(records, compression))])])
        answer = await client.send(node, request)
    finally:
        await client.close()
    ((_, ((_, code, first, *_),)),) = answer.topics
    if code:
        raise for_code(code)(f"{topic}-{partition}")
    return list(range(first, first + len(records)))
