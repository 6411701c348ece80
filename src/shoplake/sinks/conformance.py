"""What every sink promises, one function per promise: who writes a sink calls each of them with a subject of its own.

    @pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
    async def test_my_sink_keeps(promise, subject):
        await promise(subject)

A promise that is broken raises AssertionError, which says what was expected and what was found.
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

# Of a quote, a null as text, what ends a COPY, and what ends a line somewhere.
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
    """One store, as its sink's author describes it: an event of which the store keeps a count, and how to read that.

    One too many or too few of these events shows in the count. Every subject has a partition and an entity of its
    own, so that all may share one store.

    Attributes:
        topic: where the event comes from.
        entity_field: the field that says whose event it is.
        event: the event's type and other fields.
    """

    topic: str
    entity_field: str
    event: Mapping[str, Any]
    _numbers = itertools.count(random.SystemRandom().randrange(1_000, 1_000_000, 1_000))

    def __init__(self) -> None:
        self.partition = self.another_partition()
        self.entity = str(self.partition)
        self._made: list[Sink] = []
        # Stores may drop what is old: an event of now stays for the length of a test.
        self._start_ms = int(time.time()) * 1000

    @abstractmethod
    def make(self) -> Sink:
        """A new instance on the same store: one more process, as far as the store can tell."""

    @abstractmethod
    def counted(self, entity: str) -> int:
        """How many of the entity's events are in the store."""

    def another_partition(self) -> TopicPartition:
        """A partition that nobody else uses."""
        return TopicPartition(self.topic, next(self._numbers))

    def batch(self, start: int, stop: int, partition: TopicPartition | None = None) -> Batch:
        """Events of the entity at these offsets."""
        return self.batch_of(start, [self.entity] * (stop - start), partition)

    def batch_of(self, start: int, entities: list[str], partition: TopicPartition | None = None) -> Batch:
        """One event of each of these entities, from an offset on."""
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
        """One more process, ready to work."""
        self._made.append(self.make())
        await self._made[-1].prepare()
        return self._made[-1]

    async def opened(self) -> tuple[Sink, dict[TopicPartition, Epoch]]:
        """One more process, which has taken the partition over."""
        sink = await self.sink()
        return sink, {p: checkpoint.epoch for p, checkpoint in (await sink.open([self.partition])).items()}

    async def expect(self, count: int, stands_at: int) -> None:
        """So many events are in the store, and the next owner would start here."""
        _same("events in the store", count, self.counted(self.entity))
        _same("offset that comes next", stands_at, await self.stands_at())

    async def stands_at(self) -> int:
        """The next offset, as another process reads it."""
        found = await (await self.sink()).checkpoints([self.partition])
        return found[self.partition].next_offset if found else 0

    async def close(self) -> None:
        """Close all sinks."""
        for sink in self._made:
            await sink.close()


Promise: TypeAlias = Callable[[Subject], Awaitable[None]]


async def a_partition_never_seen_starts_at_the_beginning(subject: Subject) -> None:
    """Nothing is known of it before, and it is somebody's afterwards."""
    sink = await subject.sink()
    _same("checkpoints of what was never opened", {}, dict(await sink.checkpoints([subject.partition])))
    opened = await sink.open([subject.partition])
    _same("partitions", {subject.partition}, set(opened))
    _same("first offset", 0, opened[subject.partition].next_offset)
    _same("an epoch above 0", True, opened[subject.partition].epoch > 0)


async def what_was_applied_is_there_and_the_next_owner_starts_behind_it(subject: Subject) -> None:
    """Batch by batch."""
    sink, owner = await subject.opened()
    await sink.apply(subject.batch(0, 3), owner)
    await sink.apply(subject.batch(3, 5), owner)
    await subject.expect(5, stands_at=5)


async def each_owner_has_a_higher_epoch(subject: Subject) -> None:
    """Also when the same process takes over again."""
    sink, first = await subject.opened()
    epochs = [first[subject.partition], (await sink.open([subject.partition]))[subject.partition].epoch]
    epochs.append((await subject.opened())[1][subject.partition])
    _same("epochs that rise", sorted(set(epochs)), epochs)


async def to_read_checkpoints_takes_nothing_over(subject: Subject) -> None:
    """They say what `open` said, and its owner goes on."""
    sink, owner = await subject.opened()
    found = await (await subject.sink()).checkpoints([subject.partition])
    _same("epoch", owner[subject.partition], found[subject.partition].epoch)
    await sink.apply(subject.batch(0, 2), owner)
    await subject.expect(2, stands_at=2)


async def the_same_batch_again_changes_nothing(subject: Subject) -> None:
    """As after an answer that was lost."""
    sink, owner = await subject.opened()
    for _ in range(3):
        await sink.apply(subject.batch(0, 3), owner)
    await subject.expect(3, stands_at=3)


async def an_older_batch_again_does_not_move_the_checkpoint_back(subject: Subject) -> None:
    """Nor does it add its events."""
    sink, owner = await subject.opened()
    for batch in (subject.batch(0, 3), subject.batch(3, 5), subject.batch(0, 3)):
        await sink.apply(batch, owner)
    await subject.expect(5, stands_at=5)


async def of_an_overlapping_batch_only_what_is_new_counts(subject: Subject) -> None:
    """For the owner, and for the next one."""
    sink, owner = await subject.opened()
    await sink.apply(subject.batch(0, 3), owner)
    await sink.apply(subject.batch(1, 6), owner)
    await subject.expect(6, stands_at=6)
    sink, owner = await subject.opened()
    await sink.apply(subject.batch(2, 9), owner)
    await subject.expect(9, stands_at=9)


async def a_gap_is_refused_and_nothing_is_written(subject: Subject) -> None:
    """What lies in it would be lost."""
    sink, owner = await subject.opened()
    await sink.apply(subject.batch(0, 2), owner)
    await _refused(Misplaced, sink.apply(subject.batch(3, 5), owner))
    await subject.expect(2, stands_at=2)


async def an_owner_whose_partition_was_taken_over_is_refused(subject: Subject) -> None:
    """Before the new owner writes, and after."""
    zombie, old = await subject.opened()
    await zombie.apply(subject.batch(0, 2), old)
    sink, new = await subject.opened()
    await _refused(Fenced, zombie.apply(subject.batch(2, 4), old))
    await subject.expect(2, stands_at=2)
    await sink.apply(subject.batch(2, 5), new)
    await _refused(Fenced, zombie.apply(subject.batch(4, 9), old))
    await subject.expect(5, stands_at=5)


async def who_never_took_a_partition_over_is_refused(subject: Subject) -> None:
    """As is everybody else by a store that was emptied."""
    sink = await subject.sink()
    await _refused(Fenced, sink.apply(subject.batch(0, 2), {subject.partition: 1}))
    _same("events in the store", 0, subject.counted(subject.entity))


async def a_range_without_events_moves_the_checkpoint(subject: Subject) -> None:
    """Transaction markers take offsets too."""
    sink, owner = await subject.opened()
    await sink.apply(subject.batch(0, 2), owner)
    await sink.apply(Batch({}, {subject.partition: OffsetRange(2, 4)}), owner)
    await sink.apply(subject.batch(4, 5), owner)
    await subject.expect(3, stands_at=5)


async def partitions_of_one_batch_keep_checkpoints_of_their_own(subject: Subject) -> None:
    """One of them may be ahead of the batch."""
    other = subject.another_partition()
    sink = await subject.sink()
    owner = {p: checkpoint.epoch for p, checkpoint in (await sink.open([subject.partition, other])).items()}
    first, second = subject.batch(0, 2), subject.batch(0, 4, other)
    events = pl.concat([first.events[subject.topic], second.events[subject.topic]])
    await sink.apply(first, owner)
    await sink.apply(Batch({subject.topic: events}, {**first.ranges, **second.ranges}), owner)
    await subject.expect(6, stands_at=2)
    found = await sink.checkpoints([subject.partition, other])
    _same("where both stand", {subject.partition: 2, other: 4}, {p: c.next_offset for p, c in found.items()})


async def owners_of_different_partitions_do_not_hold_each_other_up(subject: Subject) -> None:
    """Their batches go in side by side, for the same entity."""
    other = subject.another_partition()
    sinks = [await subject.sink(), await subject.sink()]
    work = []
    for sink, partition in zip(sinks, (subject.partition, other), strict=True):
        owner = {p: checkpoint.epoch for p, checkpoint in (await sink.open([partition])).items()}
        work.append(_all_of(sink, [subject.batch(n, n + 2, partition) for n in range(0, 8, 2)], owner))
    await asyncio.gather(*work)
    await subject.expect(16, stands_at=8)


async def a_call_that_was_cut_off_anywhere_is_finished_by_the_next_owner(subject: Subject) -> None:
    """Whatever it had written by then."""
    stands_at = 0
    for cut in range(CUTS):
        sink, owner = await subject.opened()
        applying = asyncio.ensure_future(sink.apply(subject.batch(stands_at, stands_at + 5), owner))
        await asyncio.wait({applying}, timeout=0.002 * 2**cut)
        applying.cancel()
        await asyncio.wait({applying})
        sink, owner = await subject.opened()
        await sink.apply(subject.batch(await subject.stands_at(), stands_at + 5), owner)
        stands_at += 5
        await subject.expect(stands_at, stands_at=stands_at)


async def a_topic_is_noted_once_and_what_was_noted_stays(subject: Subject) -> None:
    """Whoever comes with another one is told."""
    topics = {subject.topic: f"{subject.entity}/6"}
    sink = await subject.sink()
    noted = dict(await sink.identify(topics))
    _same("topics", set(topics), set(noted))
    again = await (await subject.sink()).identify({subject.topic: "another/6"})
    _same("what was noted first", noted, dict(again))


async def to_prepare_again_changes_nothing(subject: Subject) -> None:
    """Every start does it."""
    sink, owner = await subject.opened()
    await sink.apply(subject.batch(0, 2), owner)
    await sink.prepare()
    await (await subject.sink()).prepare()
    await sink.apply(subject.batch(2, 3), owner)
    await subject.expect(3, stands_at=3)


async def a_strange_name_names_one_entity(subject: Subject) -> None:
    """No text is cut, trimmed, quoted or taken for a null."""
    sink, owner = await subject.opened()
    names = [f"{subject.partition}{text}" for text in TEXTS]
    await sink.apply(subject.batch_of(0, names), owner)
    _same("one event each", dict.fromkeys(names, 1), {name: subject.counted(name) for name in names})


PROMISES: tuple[Promise, ...] = (
    a_partition_never_seen_starts_at_the_beginning,
    what_was_applied_is_there_and_the_next_owner_starts_behind_it,
    each_owner_has_a_higher_epoch,
    to_read_checkpoints_takes_nothing_over,
    the_same_batch_again_changes_nothing,
    an_older_batch_again_does_not_move_the_checkpoint_back,
    of_an_overlapping_batch_only_what_is_new_counts,
    a_gap_is_refused_and_nothing_is_written,
    an_owner_whose_partition_was_taken_over_is_refused,
    who_never_took_a_partition_over_is_refused,
    a_range_without_events_moves_the_checkpoint,
    partitions_of_one_batch_keep_checkpoints_of_their_own,
    owners_of_different_partitions_do_not_hold_each_other_up,
    a_call_that_was_cut_off_anywhere_is_finished_by_the_next_owner,
    a_topic_is_noted_once_and_what_was_noted_stays,
    to_prepare_again_changes_nothing,
    a_strange_name_names_one_entity,
)


async def _all_of(sink: Sink, batches: list[Batch], owner: Mapping[TopicPartition, Epoch]) -> None:
    for batch in batches:
        await sink.apply(batch, owner)


async def _refused(kind: type[ShoplakeError], call: Awaitable[None]) -> None:
    try:
        await call
    except kind:
        return
    raise AssertionError(f"expected {kind.__name__}, found that the call was taken")


def _same(what: str, expected: object, found: object) -> None:
    if expected != found:
        raise AssertionError(f"{what}: expected {expected!r}, found {found!r}")
