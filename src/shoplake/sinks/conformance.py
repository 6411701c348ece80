"""The conformance suite of sinks: one function per guarantee. The author of a sink runs all of them in a test.

    @pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
    async def test_my_sink_keeps(promise, subject):
        await promise(subject)

A broken guarantee raises AssertionError with the expected and the found value.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import polars as pl

from shoplake.contract import TOPICS
from shoplake.errors import Fenced, Misplaced, ShoplakeError
from shoplake.sinks.base import Batch, Epoch, OffsetRange, Sink, TopicPartition

# Quotes, the null marker of COPY as a text, the end marker of COPY, and different line ends.
TEXTS = (
    "",
    " ",
    r"\N",
    r"\.",
    "a\n\\.\nb",
    'say "no"',
    "it's",
    "a,b;c\td",
    "a\r\nb",
    "\\",
    "null",
    "ünï😀",
    "\u2028\x7f",
)
CUTS = 6


class Subject(ABC):
    """Describes the sink under test: how to create it, an event that its store counts, and how to read the count.

    A lost or duplicated event changes the count. Every subject has its own partition and entity, so all subjects can
    share one store.

    Attributes:
        topic: the topic of the event.
        entity_field: the field that identifies the entity.
        event: the type and the other fields of the event.
    """

    topic: str
    entity_field: str
    event: Mapping[str, Any]
    _numbers = itertools.count(random.SystemRandom().randrange(1_000, 1_000_000, 1_000))

    def __init__(self) -> None:
        self.partition = self.another_partition()
        self.entity = str(self.partition)
        self._made: list[Sink] = []
        # A store may delete old events, so the events of a test have the current time.
        self._start_ms = int(time.time()) * 1000

    @abstractmethod
    def make(self) -> Sink:
        """Create another instance on the same store. To the store it looks like another process."""

    @abstractmethod
    def counted(self, entity: str) -> int:
        """The number of the entity's events in the store."""

    def another_partition(self) -> TopicPartition:
        """A partition that no other test uses."""
        return TopicPartition(self.topic, next(self._numbers))

    def batch(self, start: int, stop: int, partition: TopicPartition | None = None) -> Batch:
        """A batch with one event of the entity at each offset from `start` up to `stop`."""
        return self.batch_of(start, [self.entity] * (stop - start), partition)

    def batch_of(self, start: int, entities: list[str], partition: TopicPartition | None = None) -> Batch:
        """A batch with one event of each of these entities, from offset `start` on."""
        topic, number = partition or self.partition
        rows = [
            {
                **self.event,
                self.entity_field: entity,
                "event_id": f"e{offset}",
                "occurred_at_ms": self._start_ms + offset,
                "partition": number,
                "offset": offset,
            }
            for offset, entity in enumerate(entities, start)
        ]
        schema = {**TOPICS[topic].columns, "partition": pl.Int32, "offset": pl.Int64}
        stop = start + len(entities)
        return Batch(
            {topic: pl.DataFrame(rows, schema=schema)}, {TopicPartition(topic, number): OffsetRange(start, stop)}
        )

    async def sink(self) -> Sink:
        """Create and prepare another sink, like another process."""
        self._made.append(self.make())
        await self._made[-1].prepare()
        return self._made[-1]

    async def opened(self) -> tuple[Sink, dict[TopicPartition, Epoch]]:
        """Create another sink that opens the partition, and return it with its epoch."""
        sink = await self.sink()
        return sink, {p: checkpoint.epoch for p, checkpoint in (await sink.open([self.partition])).items()}

    async def expect(self, count: int, next_offset: int) -> None:
        """Check the number of events in the store, and the offset at which the next owner starts."""
        _same("events in the store", count, self.counted(self.entity))
        _same("next offset", next_offset, await self.next_offset())

    async def next_offset(self) -> int:
        """The next offset in the checkpoint, read by another sink."""
        found = await (await self.sink()).checkpoints([self.partition])
        return found[self.partition].next_offset if found else 0

    async def close(self) -> None:
        """Close all sinks."""
        for sink in self._made:
            await sink.close()


Promise: TypeAlias = Callable[[Subject], Awaitable[None]]


async def a_new_partition_starts_at_offset_0(subject: Subject) -> None:
    """Before `open` it has no checkpoint; after it the epoch is above 0."""
    sink = await subject.sink()
    _same("checkpoints before the first open", {}, dict(await sink.checkpoints([subject.partition])))
    opened = await sink.open([subject.partition])
    _same("partitions", {subject.partition}, set(opened))
    _same("first offset", 0, opened[subject.partition].next_offset)
    _same("an epoch above 0", True, opened[subject.partition].epoch > 0)


async def applied_events_are_stored_and_the_next_owner_continues_after_them(subject: Subject) -> None:
    """Two batches one after the other."""
    sink, owner = await subject.opened()
    await sink.apply(subject.batch(0, 3), owner)
    await sink.apply(subject.batch(3, 5), owner)
    await subject.expect(5, next_offset=5)


async def each_owner_has_a_higher_epoch(subject: Subject) -> None:
    """Also if the same sink opens the partition again."""
    sink, first = await subject.opened()
    epochs = [first[subject.partition], (await sink.open([subject.partition]))[subject.partition].epoch]
    epochs.append((await subject.opened())[1][subject.partition])
    _same("rising epochs", sorted(set(epochs)), epochs)


async def reading_checkpoints_does_not_change_the_owner(subject: Subject) -> None:
    """They equal the result of `open`, and the owner can still write."""
    sink, owner = await subject.opened()
    found = await (await subject.sink()).checkpoints([subject.partition])
    _same("epoch", owner[subject.partition], found[subject.partition].epoch)
    await sink.apply(subject.batch(0, 2), owner)
    await subject.expect(2, next_offset=2)


async def applying_a_batch_again_changes_nothing(subject: Subject) -> None:
    """A sink repeats a batch after a lost response."""
    sink, owner = await subject.opened()
    for _ in range(3):
        await sink.apply(subject.batch(0, 3), owner)
    await subject.expect(3, next_offset=3)


async def an_older_batch_does_not_move_the_checkpoint_back(subject: Subject) -> None:
    """Its events are not added either."""
    sink, owner = await subject.opened()
    for batch in (subject.batch(0, 3), subject.batch(3, 5), subject.batch(0, 3)):
        await sink.apply(batch, owner)
    await subject.expect(5, next_offset=5)


async def only_new_events_of_an_overlapping_batch_count(subject: Subject) -> None:
    """For the same owner, and for the next owner."""
    sink, owner = await subject.opened()
    await sink.apply(subject.batch(0, 3), owner)
    await sink.apply(subject.batch(1, 6), owner)
    await subject.expect(6, next_offset=6)
    sink, owner = await subject.opened()
    await sink.apply(subject.batch(2, 9), owner)
    await subject.expect(9, next_offset=9)


async def a_batch_after_a_gap_is_refused_and_nothing_is_written(subject: Subject) -> None:
    """The events in the gap would be lost."""
    sink, owner = await subject.opened()
    await sink.apply(subject.batch(0, 2), owner)
    await _refused(Misplaced, sink.apply(subject.batch(3, 5), owner))
    await subject.expect(2, next_offset=2)


async def a_fenced_owner_is_refused(subject: Subject) -> None:
    """Before and after the first write of the new owner."""
    zombie, old = await subject.opened()
    await zombie.apply(subject.batch(0, 2), old)
    sink, new = await subject.opened()
    await _refused(Fenced, zombie.apply(subject.batch(2, 4), old))
    await subject.expect(2, next_offset=2)
    await sink.apply(subject.batch(2, 5), new)
    await _refused(Fenced, zombie.apply(subject.batch(4, 9), old))
    await subject.expect(5, next_offset=5)


async def a_writer_that_never_opened_the_partition_is_refused(subject: Subject) -> None:
    """So a store that was emptied refuses every earlier owner."""
    sink = await subject.sink()
    await _refused(Fenced, sink.apply(subject.batch(0, 2), {subject.partition: 1}))
    _same("events in the store", 0, subject.counted(subject.entity))


async def a_range_without_events_moves_the_checkpoint(subject: Subject) -> None:
    """Such ranges occur because transaction markers take offsets."""
    sink, owner = await subject.opened()
    await sink.apply(subject.batch(0, 2), owner)
    await sink.apply(Batch({}, {subject.partition: OffsetRange(2, 4)}), owner)
    await sink.apply(subject.batch(4, 5), owner)
    await subject.expect(3, next_offset=5)


async def each_partition_of_a_batch_has_its_own_checkpoint(subject: Subject) -> None:
    """The checkpoint of one partition may be ahead of the batch."""
    other = subject.another_partition()
    sink = await subject.sink()
    owner = {p: checkpoint.epoch for p, checkpoint in (await sink.open([subject.partition, other])).items()}
    first, second = subject.batch(0, 2), subject.batch(0, 4, other)
    events = pl.concat([first.events[subject.topic], second.events[subject.topic]])
    await sink.apply(first, owner)
    await sink.apply(Batch({subject.topic: events}, {**first.ranges, **second.ranges}), owner)
    await subject.expect(6, next_offset=2)
    found = await sink.checkpoints([subject.partition, other])
    _same("next offsets", {subject.partition: 2, other: 4}, {p: c.next_offset for p, c in found.items()})


async def owners_of_different_partitions_can_write_concurrently(subject: Subject) -> None:
    """Both write events of the same entity at the same time."""
    other = subject.another_partition()
    sinks = [await subject.sink(), await subject.sink()]
    work = []
    for sink, partition in zip(sinks, (subject.partition, other), strict=True):
        owner = {p: checkpoint.epoch for p, checkpoint in (await sink.open([partition])).items()}
        work.append(_all_of(sink, [subject.batch(n, n + 2, partition) for n in range(0, 8, 2)], owner))
    await asyncio.gather(*work)
    await subject.expect(16, next_offset=8)


async def the_next_owner_completes_an_interrupted_call(subject: Subject) -> None:
    """Cancel `apply` at different moments; the next owner continues, whatever was written."""
    next_offset = 0
    for cut in range(CUTS):
        sink, owner = await subject.opened()
        applying = asyncio.ensure_future(sink.apply(subject.batch(next_offset, next_offset + 5), owner))
        await asyncio.wait({applying}, timeout=0.002 * 2**cut)
        applying.cancel()
        await asyncio.wait({applying})
        sink, owner = await subject.opened()
        await sink.apply(subject.batch(await subject.next_offset(), next_offset + 5), owner)
        next_offset += 5
        await subject.expect(next_offset, next_offset=next_offset)


async def the_first_stored_topic_identity_is_kept(subject: Subject) -> None:
    """A later call with another identity gets the first one."""
    topics = {subject.topic: f"{subject.entity}/6"}
    sink = await subject.sink()
    noted = dict(await sink.identify(topics))
    _same("topics", set(topics), set(noted))
    again = await (await subject.sink()).identify({subject.topic: "another/6"})
    _same("the first identity", noted, dict(again))


async def preparing_again_changes_nothing(subject: Subject) -> None:
    """Every start of a sink calls `prepare`."""
    sink, owner = await subject.opened()
    await sink.apply(subject.batch(0, 2), owner)
    await sink.prepare()
    await (await subject.sink()).prepare()
    await sink.apply(subject.batch(2, 3), owner)
    await subject.expect(3, next_offset=3)


async def special_characters_in_keys_are_preserved(subject: Subject) -> None:
    """No text is cut, trimmed, quoted or read as null."""
    sink, owner = await subject.opened()
    names = [f"{subject.partition}{text}" for text in TEXTS]
    await sink.apply(subject.batch_of(0, names), owner)
    _same("one event each", dict.fromkeys(names, 1), {name: subject.counted(name) for name in names})


PROMISES: tuple[Promise, ...] = (
    a_new_partition_starts_at_offset_0,
    applied_events_are_stored_and_the_next_owner_continues_after_them,
    each_owner_has_a_higher_epoch,
    reading_checkpoints_does_not_change_the_owner,
    applying_a_batch_again_changes_nothing,
    an_older_batch_does_not_move_the_checkpoint_back,
    only_new_events_of_an_overlapping_batch_count,
    a_batch_after_a_gap_is_refused_and_nothing_is_written,
    a_fenced_owner_is_refused,
    a_writer_that_never_opened_the_partition_is_refused,
    a_range_without_events_moves_the_checkpoint,
    each_partition_of_a_batch_has_its_own_checkpoint,
    owners_of_different_partitions_can_write_concurrently,
    the_next_owner_completes_an_interrupted_call,
    the_first_stored_topic_identity_is_kept,
    preparing_again_changes_nothing,
    special_characters_in_keys_are_preserved,
)


async def _all_of(sink: Sink, batches: list[Batch], owner: Mapping[TopicPartition, Epoch]) -> None:
    for batch in batches:
        await sink.apply(batch, owner)


async def _refused(kind: type[ShoplakeError], call: Awaitable[None]) -> None:
    try:
        await call
    except kind:
        return
    raise AssertionError(f"expected {kind.__name__}, found that the call succeeded")


def _same(what: str, expected: object, found: object) -> None:
    if expected != found:
        raise AssertionError(f"{what}: expected {expected!r}, found {found!r}")
