"""The lag of each store behind the log, from the store's own checkpoints. It does not need a running stream."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shoplake import sinks
from shoplake.contract import TOPICS
from shoplake.errors import LogUnavailable, SinkError
from shoplake.sinks.base import TopicPartition
from shoplake.streaming.dead_letters import progress as letter_progress
from shoplake.streaming.log_bounds import Bounds, read_bounds
from shoplake.streaming.worker import DEAD_LETTERS
from shoplake.topic_identity import TopicId

if TYPE_CHECKING:
    from shoplake.settings import KafkaSettings, Settings

ANSWER_S = 30.0


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """The lag of one sink in one partition.

    Attributes:
        next_offset: the first offset that the store has not applied.
        end: the committed end of the log.
    """

    partition: TopicPartition
    next_offset: int
    end: int

    @property
    def lag(self) -> int:
        """Number of offsets that the store has not applied, including transaction markers."""
        return max(0, self.end - self.next_offset)


@dataclass(frozen=True, slots=True)
class SinkLag:
    """The lag of one sink, or of the dead-letter step.

    Attributes:
        name: name of the sink, or of the dead-letter step.
        partitions: the partitions that it reads; one without a checkpoint counts from the begin of the log.
        problem: why the lag is unknown; empty if it is known.
    """

    name: str
    partitions: Sequence[PartitionLag] = ()
    problem: str = ""

    @property
    def lag(self) -> int:
        """The lag over all partitions."""
        return sum(partition.lag for partition in self.partitions)


async def lags(settings: Settings, names: Sequence[str], *, within_s: float = ANSWER_S) -> Sequence[SinkLag]:
    """Read the lag of sinks. A store that does not answer gets a `problem`, and does not affect the others.

    Args:
        settings: settings of the environment.
        names: names of sinks, and of the dead-letter step.
        within_s: time limit for each store.

    Raises:
        LogUnavailable: Kafka did not answer.
        StreamHalted: Kafka does not have a topic.
    """
    ids, ends = await read_bounds(settings.kafka, TOPICS)
    return await asyncio.gather(*(_lag(name, settings, ids, ends, within_s) for name in names))


async def _lag(name: str, settings: Settings, ids: Mapping[str, TopicId], ends: Bounds, within_s: float) -> SinkLag:
    asked = _dead_letters(settings.kafka, ids, ends) if name == DEAD_LETTERS else _store(name, settings, ends)
    try:
        async with asyncio.timeout(within_s):
            found = await asked
    except (SinkError, LogUnavailable) as error:
        return SinkLag(name, problem=error.message)
    except TimeoutError:
        return SinkLag(name, problem=f"no answer within {within_s:g} s")
    return SinkLag(name, [PartitionLag(p, found[p], ends[p].stop) for p in sorted(found)])


async def _store(name: str, settings: Settings, ends: Bounds) -> Mapping[TopicPartition, int]:
    sink = sinks.make(name, settings)
    read = {partition: bounds.start for partition, bounds in ends.items() if partition.topic in sink.topics}
    try:
        found = await sink.checkpoints(read)
    finally:
        await sink.close()
    return read | {partition: checkpoint.next_offset for partition, checkpoint in found.items()}


async def _dead_letters(
    cluster: KafkaSettings, ids: Mapping[str, TopicId], ends: Bounds
) -> Mapping[TopicPartition, int]:
    """The next offsets of the dead-letter step, whose progress is in Kafka."""
    found = await letter_progress.read(cluster)
    begins = {partition: bounds.start for partition, bounds in ends.items()}
    return begins if found is None else begins | found.positions(ids)
