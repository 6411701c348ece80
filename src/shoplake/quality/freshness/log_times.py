"""When events happened and when their records arrived, at some places of the log: a few records around each place."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from aiokafka import TopicPartition as KafkaPartition

from shoplake import kafka
from shoplake.errors import LogUnavailable
from shoplake.positions import Place

if TYPE_CHECKING:
    from shoplake.settings import KafkaSettings

WINDOW = 200
"""Records before a place. Events arrive nearly in order of time, so the newest of a partition is among its last."""
POLL_MS = 500
TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Times:
    """Times in the log around an offset.

    Attributes:
        newest_event_ms: the latest event time among the records before the offset; None if there are none.
        waiting_since_ms: when the first record at or after the offset arrived; None if there is none.
    """

    newest_event_ms: int | None = None
    waiting_since_ms: int | None = None


class _Happened(msgspec.Struct):
    occurred_at_ms: int


async def read(
    cluster: KafkaSettings, wanted: Iterable[tuple[Place, int]], bounds: Mapping[Place, tuple[int, int]]
) -> dict[tuple[Place, int], Times]:
    """Read the times around offsets.

    Args:
        cluster: the Kafka cluster.
        wanted: partitions and offsets.
        bounds: first offset and end of each partition.

    Raises:
        LogUnavailable: Kafka did not answer in time.
    """
    left: dict[Place, list[int]] = {}
    for place, offset in set(wanted):
        left.setdefault(place, []).append(offset)
    found: dict[tuple[Place, int], Times] = {}
    async with kafka.answering(cluster), kafka.consumer(cluster) as consumer:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                while left:  # one offset of each partition at a time
                    now = {place: offsets.pop() for place, offsets in left.items()}
                    left = {place: offsets for place, offsets in left.items() if offsets}
                    found |= await _around(consumer, now, bounds)
        except TimeoutError as error:
            raise LogUnavailable(
                f"Kafka did not send the records around {len(found):,} places within {TIMEOUT_S:g} s",
                fix="look at `shoplake logs kafka`",
            ) from error
    return found


async def _around(
    consumer: Any,  # noqa: ANN401 - aiokafka is untyped
    wanted: Mapping[Place, int],
    bounds: Mapping[Place, tuple[int, int]],
) -> dict[tuple[Place, int], Times]:
    partitions = {KafkaPartition(*place): place for place in wanted}
    consumer.assign(list(partitions))
    open_: set[KafkaPartition] = set()
    for partition, place in partitions.items():
        begin, end = bounds[place]
        consumer.seek(partition, max(begin, min(wanted[place], end) - WINDOW))
        if begin < end:
            open_.add(partition)
        else:
            consumer.pause(partition)
    newest: dict[Place, int] = {}
    waiting: dict[Place, int] = {}
    while open_:
        for partition, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
            place = partitions[partition]
            before = [record.value for record in records if record.offset < wanted[place]]
            after = [record.timestamp for record in records if record.offset >= wanted[place]]
            if times := [at for value in before if (at := _happened(value)) is not None]:
                newest[place] = max(newest.get(place, 0), *times)
            if after:
                waiting.setdefault(place, after[0])
        for partition in list(open_):
            place = partitions[partition]
            position = await consumer.position(partition)
            if place in waiting or position >= bounds[place][1]:
                open_.remove(partition)
                consumer.pause(partition)
    return {(place, offset): Times(newest.get(place), waiting.get(place)) for place, offset in wanted.items()}


def _happened(value: bytes | None) -> int | None:
    try:
        return msgspec.json.decode(value or b"", type=_Happened).occurred_at_ms
    except msgspec.DecodeError:
        return None  # no valid event: a dead letter
