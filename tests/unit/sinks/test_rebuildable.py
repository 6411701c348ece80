"""A store is emptied and filled again while others write to it: it ends as one fold of the whole log."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from shoplake.errors import Backpressure, Fenced, SinkError, StoreDamaged, StoreUnavailable
from shoplake.sinks.base import Checkpoint, OffsetRange, TopicPartition
from shoplake.sinks.keyed import Item, Key
from shoplake.sinks.rebuildable import Filling, state_of

from .keyed_memory import DOCUMENT_PARTS, ITEM_PARTS, MemorySink, Store, apply_all, content, folded_at_once
from .small_log import Log, batch_of, logs

CLICKS = TopicPartition("clicks", 0)
VIEWS = {CLICKS: [("product_viewed", {"session_id": "s1", "product_id": "p1"})] * 6}
few = settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
both = pytest.mark.parametrize("parts", [ITEM_PARTS, DOCUMENT_PARTS], ids=["dynamodb", "mongo"])


def mine(log: Log, parts: Any) -> Log:
    topics = {part.topic for part in parts}
    return {p: events for p, events in log.items() if p.topic in topics}


def spoil(store: Store) -> None:
    """One item too many, one that says it has folded what it has not, one lost, one without its bookkeeping."""
    for collection in store.items.values():
        for key, item in list(collection.items())[:1]:
            collection["never-made", *key[1:]] = {**item}
            collection[key] = {"folded": dict.fromkeys(item["folded"], 99), "rev": item["rev"] + 1}
        for key in list(collection)[1:2]:
            del collection[key]
        for n, key in enumerate(list(collection)[1:4]):
            collection[key].pop(("rev", "folded", "cart")[n], None)


@both
@few
@given(log=logs, delays=st.lists(st.integers(0, 9), min_size=2, max_size=9), head_start=st.integers(0, 40))
def test_a_damaged_store_is_rebuilt_beside_an_old_owner(
    parts: Any, log: Log, delays: list[int], head_start: int
) -> None:
    store, log = Store(), mine(log, parts)
    delay = itertools.cycle(delays)

    async def pause() -> None:
        for _ in range(next(delay)):
            await asyncio.sleep(0)

    async def live() -> None:
        with contextlib.suppress(Fenced, StoreUnavailable, StoreDamaged):
            await apply_all(MemorySink(store, parts, pause), log, lambda: 1)

    async def rebuild() -> None:
        for _ in range(head_start):
            await asyncio.sleep(0)
        spoil(store)
        sink = MemorySink(store, parts)
        await sink.begin_filling(sorted(log), "filling")
        while await next_offsets(sink, log) != {p: len(events) for p, events in log.items()}:
            with contextlib.suppress(Fenced):  # where the one that lives takes over again, and does its share
                await apply_all(MemorySink(store, parts, pause), log, lambda: 2)
        await sink.note_filling("whole")

    async def race() -> None:
        await asyncio.gather(live(), rebuild())

    asyncio.run(race())
    assert content(store.items) == folded_at_once(log, parts)
    assert store.filling == Filling(1, "whole")


async def test_a_write_in_flight_at_the_start_of_a_rebuild_is_folded_once() -> None:
    """Past the check of its epoch, the zombie finds the item gone, and makes one of its own batch alone."""
    store = Store()
    reached, go_on = asyncio.Event(), asyncio.Event()

    class Slow(MemorySink):
        async def write(self, collection: str, items: Mapping[Key, Item]) -> bool:
            reached.set()
            await go_on.wait()
            return await super().write(collection, items)

    first = MemorySink(store, ITEM_PARTS)
    await first.open([CLICKS])
    await first.apply(batch_of(VIEWS, {CLICKS: OffsetRange(0, 4)}), {CLICKS: 1})
    store.items["sessions"].clear()  # as a rebuild that deletes would
    batch = batch_of(VIEWS, {CLICKS: OffsetRange(4, 6)})
    zombie = asyncio.create_task(Slow(store, ITEM_PARTS).apply(batch, {CLICKS: 1}))
    await reached.wait()
    rebuilder = MemorySink(store, ITEM_PARTS)
    await rebuilder.begin_filling([CLICKS], "filling")
    go_on.set()
    with pytest.raises(Fenced):
        await zombie
    assert store.items["sessions"]["s1",]["pages"] == 2
    await apply_all(MemorySink(store, ITEM_PARTS), VIEWS, lambda: 6)
    await rebuilder.note_filling("whole")
    assert store.items["sessions"]["s1",]["pages"] == 6


async def test_an_item_of_a_later_generation_fences_the_owner() -> None:
    store = Store()
    old = MemorySink(store, ITEM_PARTS)
    await old.open([CLICKS])
    await MemorySink(store, ITEM_PARTS).begin_filling([CLICKS], "filling")
    await apply_all(MemorySink(store, ITEM_PARTS), VIEWS, lambda: 6)
    with pytest.raises(Fenced, match="is being rebuilt; this is filling 0 of it"):
        await old._apply_part(ITEM_PARTS[0], batch_of(VIEWS, {CLICKS: OffsetRange(0, 6)}).events["clicks"])
    assert store.items["sessions"]["s1",]["pages"] == 6


async def test_an_owner_of_an_earlier_generation_moves_no_checkpoint() -> None:
    """As where the server dies and comes back without the last take-over."""
    store = Store()
    await MemorySink(store, ITEM_PARTS).open([CLICKS])
    old = MemorySink(store, ITEM_PARTS)
    await old.open([CLICKS])
    store.checkpoints[CLICKS] = Checkpoint(0, 1)
    await MemorySink(store, ITEM_PARTS).begin_filling([CLICKS], "filling")
    assert store.checkpoints[CLICKS] == Checkpoint(0, 2)
    with pytest.raises(Fenced):
        await old.apply(batch_of(VIEWS, {CLICKS: OffsetRange(0, 6)}), {CLICKS: 2})
    assert store.checkpoints[CLICKS] == Checkpoint(0, 2)
    await apply_all(MemorySink(store, ITEM_PARTS), VIEWS, lambda: 6)
    assert store.items["sessions"]["s1",]["pages"] == 6


DAMAGES: list[dict[str, Any]] = [
    {"rev": None},
    {"rev": "4"},
    {"folded": None},
    {"generation": 7},
    {"generation": "x"},
    {"generation": "x", "rev": None},
    {"generation": 7, "folded": {"clicks-0": 5}, "rev": 2},
]


@pytest.mark.parametrize("changes", DAMAGES, ids=str)
async def test_a_rebuild_replaces_and_removes_items_without_their_bookkeeping(changes: dict[str, Any]) -> None:
    store = Store()
    await apply_all(MemorySink(store, ITEM_PARTS), VIEWS, lambda: 6)
    item = store.items["sessions"]["s1",]
    spoilt = {name: value for name, value in {**item, **changes}.items() if value is not None}
    store.items["sessions"] |= {("s1",): spoilt, ("never-made",): {**spoilt}}
    rebuilder = MemorySink(store, ITEM_PARTS)
    await rebuilder.begin_filling([CLICKS], "filling")
    await apply_all(MemorySink(store, ITEM_PARTS), VIEWS, lambda: 2)
    await rebuilder.note_filling("whole")
    assert content(store.items) == folded_at_once(VIEWS, ITEM_PARTS[:1])


async def test_of_two_owners_who_find_an_item_without_its_rev_one_reads_again() -> None:
    """Both remove it and write it anew; what the quicker one wrote is not removed."""
    store = Store()
    await apply_all(MemorySink(store, ITEM_PARTS), VIEWS, lambda: 6)
    del store.items["sessions"]["s1",]["rev"]
    rebuilder = MemorySink(store, ITEM_PARTS)
    await rebuilder.begin_filling([CLICKS], "filling")
    found, go_on = asyncio.Event(), asyncio.Event()

    class Slow(MemorySink):
        async def discard(self, collection: str, items: Mapping[Key, Item]) -> None:
            found.set()
            await go_on.wait()
            await super().discard(collection, items)

    slow, quick = Slow(store, ITEM_PARTS), MemorySink(store, ITEM_PARTS)
    await slow.open([CLICKS])
    zombie = asyncio.create_task(slow.apply(batch_of(VIEWS, {CLICKS: OffsetRange(0, 2)}), {CLICKS: 3}))
    await found.wait()
    await quick.open([CLICKS])
    await quick.apply(batch_of(VIEWS, {CLICKS: OffsetRange(0, 5)}), {CLICKS: 4})
    go_on.set()
    with pytest.raises(Fenced):
        await zombie
    assert store.items["sessions"]["s1",]["pages"] == 5


async def test_an_item_that_is_spoilt_while_it_is_filled_asks_for_another_rebuild() -> None:
    store = Store()
    sink = MemorySink(store, ITEM_PARTS)
    await sink.begin_filling([CLICKS], "filling")
    await sink.apply(batch_of(VIEWS, {CLICKS: OffsetRange(0, 2)}), {CLICKS: 1})
    del store.items["sessions"]["s1",]["rev"]
    with pytest.raises(StoreDamaged, match="sessions: s1") as refused:
        await sink.apply(batch_of(VIEWS, {CLICKS: OffsetRange(2, 4)}), {CLICKS: 1})
    assert refused.value.fix == "`shoplake rebuild memory --restart` fills the store anew"


async def test_in_a_whole_store_an_item_of_an_earlier_filling_is_the_first_write_of_a_zombie_or_damage() -> None:
    store = Store()
    sink = MemorySink(store, ITEM_PARTS)
    await sink.begin_filling([CLICKS], "filling")
    await sink.note_filling("whole")
    await sink.apply(batch_of(VIEWS, {CLICKS: OffsetRange(0, 2)}), {CLICKS: 1})
    ours = store.items["sessions"]["s1",]
    store.items["sessions"]["s1",] = {"folded": {"clicks-0": 1}, "rev": 2, "pages": 2}
    with pytest.raises(StoreDamaged, match="sessions: s1"):
        await sink.apply(batch_of(VIEWS, {CLICKS: OffsetRange(2, 4)}), {CLICKS: 1})
    store.items["sessions"] = {("s1",): ours, ("s2",): {"folded": {"clicks-0": 9}, "rev": 1, "pages": 9}}
    other = {CLICKS: [*VIEWS[CLICKS][:2], *[("product_viewed", {"session_id": "s2", "product_id": "p1"})] * 2]}
    await sink.apply(batch_of(other, {CLICKS: OffsetRange(2, 4)}), {CLICKS: 1})
    assert store.items["sessions"]["s2",]["pages"] == 2


async def test_a_locked_store_opens_only_for_its_rebuild() -> None:
    store = Store()
    holder = MemorySink(store, ITEM_PARTS)
    holder.holds = True
    await holder.begin_filling([CLICKS], "held")
    with pytest.raises(Backpressure, match="rebuilt from the lake; if that was stopped, run `shoplake rebuild memory`"):
        await MemorySink(store, ITEM_PARTS).open([CLICKS])
    assert (await holder.open([CLICKS]))[CLICKS].next_offset == 0
    await holder.note_filling("filling")
    assert (await MemorySink(store, ITEM_PARTS).open([CLICKS]))[CLICKS].next_offset == 0


async def test_checkpoints_restart_with_a_new_generation() -> None:
    store = Store()
    sink = MemorySink(store, ITEM_PARTS)
    other = TopicPartition("clicks", 1)
    await apply_all(sink, VIEWS, lambda: 6)
    assert await next_offsets(sink, [CLICKS, other]) == {CLICKS: 6}
    await sink.begin_filling([CLICKS], "filling")
    assert await next_offsets(MemorySink(store, ITEM_PARTS), [CLICKS, other]) == {CLICKS: 0}


async def test_a_new_generation_has_no_open_partitions() -> None:
    store = Store()
    await apply_all(MemorySink(store, ITEM_PARTS), VIEWS, lambda: 6)
    await MemorySink(store, ITEM_PARTS).begin_filling([], "filling")
    assert await MemorySink(store, ITEM_PARTS).checkpoints([CLICKS]) == {}


async def next_offsets(sink: MemorySink, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
    return {p: checkpoint.next_offset for p, checkpoint in (await sink.checkpoints(partitions)).items()}


def test_rebuild_state_of_another_release_is_a_clear_error() -> None:
    with pytest.raises(SinkError, match=r"expected the state of a rebuild \(whole, filling, held\), found 'melting'"):
        state_of("melting")
