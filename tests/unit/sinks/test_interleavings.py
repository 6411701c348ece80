"""Many schedules of crashes, lost answers, take-overs and restores: no event is lost or there twice.

The transactional protocol is the store in memory's; the keyed one is the loop that DynamoDB and MongoDB share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import rule, run_state_machine_as_test
from tests.example_counts import examples

from shoplake.sinks.base import Batch, Checkpoint, Ownership, TopicPartition
from shoplake.sinks.keyed import Item, Key, Part
from shoplake.sinks.memory import Memory
from shoplake.sinks.memory import MemorySink as TransactionalSink

from .interleavings import EVENTS, LOG, PARTITIONS, Schedules, pause
from .keyed_memory import MemorySink as KeyedMemorySink
from .keyed_memory import Store

# Phases: a failing schedule is printed as it was found; to make it shorter takes minutes.
many = settings(
    max_examples=examples(150, 1000),
    stateful_step_count=30,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
# The same schedules each time: what is looked for is known to be there.
until_found = settings(many, max_examples=2000, derandomize=True, database=None)


class Transactional(Schedules[Memory]):
    """Rows and checkpoint change in one step."""

    def make_store(self) -> Memory:
        return Memory()

    def make_sink(self) -> TransactionalSink:
        return TransactionalSink(self.store, ["clicks"], pause)

    def check(self) -> None:
        found = Counter((TopicPartition(row["topic"], row["partition"]), row["offset"]) for row in self.store.rows)
        stands = {p: checkpoint.next_offset for p, checkpoint in self.store.checkpoints.items()}
        assert found == Counter((p, offset) for p, stop in stands.items() for offset in range(stop))

    def check_end(self) -> None:
        assert len(self.store.rows) == len(PARTITIONS) * EVENTS


def _views(events: pl.DataFrame) -> pl.DataFrame:
    return events.group_by("session_id", maintain_order=True).agg(pages=pl.len())


def _add(item: Item, row: Mapping[str, Any]) -> None:
    item["pages"] = item.get("pages", 0) + row["pages"]


VIEWS = Part("sessions", "clicks", ("session_id",), _views, _add)


def views_of(session: str, partition: TopicPartition, up_to: int) -> int:
    """How often a session was seen in the first events of a partition."""
    return sum(fields["session_id"] == session for _, fields in LOG[partition][:up_to])


class Keyed(Schedules[Store]):
    """Items change one by one, and the checkpoint after them; now and then the store is rebuilt."""

    def make_store(self) -> Store:
        return Store()

    def make_sink(self) -> KeyedMemorySink:
        return KeyedMemorySink(self.store, (VIEWS,), pause)

    @rule(number=Schedules.processes)
    def rebuild(self, number: int) -> None:
        process = self.running[number]
        if process.idle and isinstance(sink := process.sink, KeyedMemorySink):
            process.begin(lambda: sink.begin_filling(PARTITIONS, "filling"), lambda _: None)

    def may_go_back(self) -> bool:
        """Not to before a rebuild: who restores that has stopped the sinks."""
        return self.earlier.filling == self.store.filling

    @property
    def items(self) -> dict[Key, Item]:
        """Those of the current filling."""
        stored = self.store.items.get("sessions", {})
        return {k: i for k, i in stored.items() if i.get("generation", 0) == self.store.filling.number}

    def check(self) -> None:
        items = self.items
        for (session,), item in items.items():
            seen = {p: item["folded"].get(str(p), -1) + 1 for p in PARTITIONS}
            assert item["pages"] == sum(views_of(session, p, stop) for p, stop in seen.items()), (session, item)
        for p, checkpoint in self.store.checkpoints.items():
            if self.store.opened_in[p] == self.store.filling.number:
                for offset, (_, fields) in enumerate(LOG[p][: checkpoint.next_offset]):
                    assert items[fields["session_id"],]["folded"][str(p)] >= offset

    def check_end(self) -> None:
        found = {session: item["pages"] for (session,), item in self.items.items()}
        sessions = {fields["session_id"] for events in LOG.values() for _, fields in events}
        assert found == {s: sum(views_of(s, p, EVENTS) for p in PARTITIONS) for s in sessions}


@pytest.mark.parametrize("machine", [Transactional, Keyed])
def test_each_event_counts_once_for_any_crashes_and_lost_answers(machine: type[Schedules[Any]]) -> None:
    run_state_machine_as_test(machine, settings=many)


class CheckpointFirst(TransactionalSink):
    """Commits how far it is, then writes."""

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        fresh = batch.fresh(self.name, self._memory.checkpoints, owner)
        self._memory.checkpoints |= {p: Checkpoint(read.stop, owner[p]) for p, read in fresh.ranges.items()}
        await pause()
        self._memory.rows += [{"topic": t, **row} for t, f in fresh.events.items() for row in f.iter_rows(named=True)]


class TwoSteps(TransactionalSink):
    """Writes, then commits how far it is, and does not look at what an earlier call has written."""

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        fresh = batch.fresh(self.name, self._memory.checkpoints, owner)
        self._memory.rows += [{"topic": t, **row} for t, f in fresh.events.items() for row in f.iter_rows(named=True)]
        await pause()
        self._memory.checkpoints |= {p: Checkpoint(read.stop, owner[p]) for p, read in fresh.ranges.items()}


class NoSecondLook(TransactionalSink):
    """Trusts the checkpoints that it has read before its transaction began."""

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        fresh = batch.fresh(self.name, await self.checkpoints(batch.ranges), owner)
        await pause()
        self._memory.rows += [{"topic": t, **row} for t, f in fresh.events.items() for row in f.iter_rows(named=True)]
        self._memory.checkpoints |= {p: Checkpoint(read.stop, owner[p]) for p, read in fresh.ranges.items()}


@pytest.mark.parametrize("sink", [CheckpointFirst, TwoSteps, NoSecondLook])
def test_a_transactional_sink_without_a_protection_is_detected(sink: type[TransactionalSink]) -> None:
    class Unprotected(Transactional):
        def make_sink(self) -> TransactionalSink:
            return sink(self.store, ["clicks"], pause)

    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(Unprotected, settings=until_found)


class BlindWrite(KeyedMemorySink):
    """Writes whether the item has moved or not."""

    async def write(self, collection: str, items: Mapping[Key, Item]) -> bool:
        for key, item in items.items():
            await pause()
            self._store.items.setdefault(collection, {})[key] = {**item, "folded": dict(item["folded"])}
        return True


class Forgetful(KeyedMemorySink):
    """Does not see what an item has folded."""

    async def read(self, collection: str, keys: Sequence[Key]) -> dict[Key, Item]:
        return {key: {**item, "folded": {}} for key, item in (await super().read(collection, keys)).items()}


class CheckpointBeforeItems(KeyedMemorySink):
    """Moves the checkpoint before the items."""

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        fresh = batch.fresh(self.name, await self.checkpoints(batch.ranges), owner)
        await self.advance({p: Checkpoint(read.stop, owner[p]) for p, read in fresh.ranges.items()})
        for topic, events in fresh.events.items():
            assert topic == VIEWS.topic
            await self._apply_part(VIEWS, events)


class OneFilling(KeyedMemorySink):
    """Takes items of an earlier filling for its own."""

    async def _of_this_filling(self, collection: str, found: Mapping[Key, Item]) -> dict[Key, Item]:
        del collection
        return dict(found)


@pytest.mark.parametrize("sink", [BlindWrite, Forgetful, CheckpointBeforeItems, OneFilling])
def test_a_keyed_sink_without_a_protection_is_detected(sink: type[KeyedMemorySink]) -> None:
    class Unprotected(Keyed):
        def make_sink(self) -> KeyedMemorySink:
            return sink(self.store, (VIEWS,), pause)

    with pytest.raises((AssertionError, ExceptionGroup, KeyError)):
        run_state_machine_as_test(Unprotected, settings=until_found)
