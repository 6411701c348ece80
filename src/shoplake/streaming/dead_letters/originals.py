"""Read the full value of truncated dead letters from the original record in the log."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError
from msgspec.structs import replace

from shoplake import kafka

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

    from shoplake.settings import KafkaSettings
    from shoplake.streaming.dead_letters.router import DeadLetter, Truncated

ANSWER_TIMEOUT_S = 30.0


def in_chunks(letters: Sequence[DeadLetter], count: int, size_bytes: int) -> Iterator[Sequence[DeadLetter]]:
    """Group dead letters, in their order, up to a count and a total size of full values; at least one per group."""
    part: list[DeadLetter] = []
    total = 0
    for letter in letters:
        size = letter.value_cut.size_bytes if letter.value_cut else len(letter.value_base64)
        if part and (len(part) == count or total + size > size_bytes):
            yield part
            part, total = [], 0
        part.append(letter)
        total += size
    if part:
        yield part


async def with_full_values(cluster: KafkaSettings, letters: Sequence[DeadLetter]) -> Sequence[DeadLetter]:
    """Replace truncated values by the full ones from the log; a letter whose record is gone stays truncated.

    Raises:
        StreamHalted: Kafka did not answer, or does not have the topic.
    """
    if not any(letter.value_cut for letter in letters):
        return letters
    async with kafka.answering(cluster), kafka.consumer(cluster) as consumer:
        return [await _with_full_value(consumer, one, one.value_cut) if one.value_cut else one for one in letters]


async def _with_full_value(consumer: Any, letter: DeadLetter, cut: Truncated) -> DeadLetter:  # noqa: ANN401 - aiokafka is untyped
    at = TopicPartition(letter.topic, letter.partition)
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            record = await _record(consumer, at, letter.offset)
    except OffsetOutOfRangeError:
        return letter
    value = record.value or b"" if record.offset == letter.offset else b""
    if hashlib.sha256(value).hexdigest() != cut.sha256:
        return letter  # another record: the topic was recreated
    return replace(letter, value_base64=base64.b64encode(value).decode(), value_cut=None)


async def _record(consumer: Any, at: TopicPartition, offset: int) -> ConsumerRecord[Any, Any]:  # noqa: ANN401
    consumer.assign([at])
    consumer.seek(at, offset)
    return await consumer.getone(at)
