"""Refused events that are longer than a letter, read whole at their place in the log."""

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
    from shoplake.streaming.dead_letters.router import Cut, DeadLetter

ANSWER_TIMEOUT_S = 30.0


def in_parts(letters: Sequence[DeadLetter], count: int, size_bytes: int) -> Iterator[Sequence[DeadLetter]]:
    """Letters in their order, at most so many at a time, of at most so many bytes once they are whole; one at least."""
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


async def completed(cluster: KafkaSettings, letters: Sequence[DeadLetter]) -> Sequence[DeadLetter]:
    """The letters with whole values, read from the log; one whose event is there no more stays as it is.

    Raises:
        StreamHalted: Kafka did not answer, or lacks the topic.
    """
    if not any(letter.value_cut for letter in letters):
        return letters
    async with kafka.answering(cluster), kafka.consumer(cluster) as consumer:
        return [await _completed(consumer, one, one.value_cut) if one.value_cut else one for one in letters]


async def _completed(consumer: Any, letter: DeadLetter, cut: Cut) -> DeadLetter:  # noqa: ANN401 - aiokafka is untyped
    at = TopicPartition(letter.topic, letter.partition)
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            record = await _record(consumer, at, letter.offset)
    except OffsetOutOfRangeError:
        return letter
    value = record.value or b"" if record.offset == letter.offset else b""
    if hashlib.sha256(value).hexdigest() != cut.sha256:
        return letter  # the topic is another one than it was
    return replace(letter, value_base64=base64.b64encode(value).decode(), value_cut=None)


async def _record(consumer: Any, at: TopicPartition, offset: int) -> ConsumerRecord[Any, Any]:  # noqa: ANN401
    consumer.assign([at])
    consumer.seek(at, offset)
    return await consumer.getone(at)
