"""How far each store is behind the log, as the stores themselves say: works whether anything streams or not."""

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
    """One partition, as one reader of it stands.

    Attributes:
        next_offset: the first that is not in the store.
        end: where the log ends, as far as it is committed.
    """

    partition: TopicPartition
    next_offset: int
    end: int

    @property
    def lag(self) -> int:
        """Offsets that the store does not have; transaction markers are among them."""
        return max(0, self.end - self.next_offset)


@dataclass(frozen=True, slots=True)
class SinkLag:
    """How one reader of the log stands.

    Attributes:
        name: of the sink, or of the dead-letter step.
        partitions: those that it reads; one that it has not begun stands where the log begins.
        problem: why nothing is known, if so.
    """

    name: str
    partitions: Sequence[PartitionLag] = ()
    problem: str = ""

    @property
    def lag(self) -> int:
        """Over all partitions."""
        return sum(partition.lag for partition in self.partitions)


async def lags(settings: Settings, names: Sequence[str], *, within_s: float = ANSWER_S) -> Sequence[SinkLag]:
    """How these sinks stand; a store that does not answer is said to be such, and the others are told of.

    Args:
        settings: where everything is.
        names: of sinks, and of the dead-letter step.
        within_s: how long a store may take to answer.

    Raises:
        LogUnavailable: Kafka did not answer.
        StreamHalted: Kafka lacks a topic.
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
        return SinkLag(name, problem=f"slow: no answer within {within_s:g} s")
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
    """This step's store is Kafka: its progress is committed with the letters."""
    found = await letter_progress.read(cluster)
    begins = {partition: bounds.start for partition, bounds in ends.items()}
    return begins if found is None else begins | found.positions(ids)
