"""However the log is cut, delivered again, interrupted or raced for: the items end as one fold of the whole log."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count
from typing import Any

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.virtual_time import virtually

from shoplake.errors import Backpressure, Fenced, Misplaced, StoreDamaged
from shoplake.sinks.base import Batch, Checkpoint, OffsetRange, TopicPartition
from shoplake.sinks.keyed import Item, Key, fold_items, newer

from .keyed_memory import DOCUMENT_PARTS, ITEM_PARTS, MemorySink, Store, apply_all, content, folded_at_once
from .small_log import Log, batch_of, frame, logs, whole

# The logs are small as they are drawn; to make one smaller takes minutes.
few = settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])


def mine(log: Log, parts: Any) -> Log:
    topics = {part.topic for part in parts}
    return {p: events for p, events in log.items() if p.topic in topics}


def next_offsets(store: Store) -> dict[TopicPartition, int]:
    return {p: checkpoint.next_offset for p, checkpoint in store.checkpoints.items()}


class Crashed(Exception):
    """The process is gone."""


def crash_after(calls: int) -> Callable[[], Awaitable[None]]:
    left = iter(range(calls))

    async def pause() -> None:
        if next(left, None) is None:
            raise Crashed

    return pause


both = pytest.mark.parametrize("parts", [ITEM_PARTS, DOCUMENT_PARTS], ids=["dynamodb", "mongo"])
steps = st.lists(st.integers(1, 5), min_size=1, max_size=9)


def cycle(numbers: Sequence[int]) -> Callable[[], int]:
    places = count()
    return lambda: numbers[next(places) % len(numbers)]


@both
@few
@given(log=logs, sizes=steps, data=st.data())
def test_redelivered_batches_equal_one_fold(parts: Any, log: Log, sizes: list[int], data: st.DataObject) -> None:
    store, log = Store(), mine(log, parts)
    sink = MemorySink(store, parts)
    asyncio.run(apply_all(sink, log, cycle(sizes)))
    assert content(store.items) == folded_at_once(log, parts)

    # The checkpoints fall back to where they were some batches ago, as if those had never been acknowledged.
    for p, checkpoint in store.checkpoints.items():
        store.checkpoints[p] = Checkpoint(data.draw(st.integers(0, checkpoint.next_offset)), checkpoint.epoch)
    before = copy.deepcopy(store.items)
    asyncio.run(apply_all(sink, log, cycle(sizes[::-1])))
    assert store.items == before
    assert next_offsets(store) == {p: len(events) for p, events in log.items()}


@both
@few
@given(log=logs, sizes=steps, crashes=st.lists(st.integers(0, 40), max_size=4))
def test_a_crash_at_any_point_and_a_restart_equal_one_fold(
    parts: Any, log: Log, sizes: list[int], crashes: list[int]
) -> None:
    store, log = Store(), mine(log, parts)
    for calls in crashes:
        with contextlib.suppress(Crashed):
            asyncio.run(apply_all(MemorySink(store, parts, crash_after(calls)), log, cycle(sizes)))
    asyncio.run(apply_all(MemorySink(store, parts), log, cycle(sizes)))
    assert content(store.items) == folded_at_once(log, parts)
    assert next_offsets(store) == {p: len(events) for p, events in log.items()}


@both
@few
@given(log=logs, sizes=steps, delays=st.lists(st.integers(0, 12), min_size=2, max_size=12))
def test_an_old_owner_beside_a_new_one_changes_nothing(
    parts: Any, log: Log, sizes: list[int], delays: list[int]
) -> None:
    store, log = Store(), mine(log, parts)
    delay = cycle(delays)

    async def pause() -> None:
        for _ in range(delay()):
            await asyncio.sleep(0)

    async def one(sizes: list[int]) -> None:
        with contextlib.suppress(Fenced):
            await apply_all(MemorySink(store, parts, pause), log, cycle(sizes))

    async def race() -> None:
        await asyncio.gather(one(sizes), one(sizes[::-1]))

    asyncio.run(race())
    asyncio.run(apply_all(MemorySink(store, parts), log, cycle(sizes)))
    assert content(store.items) == folded_at_once(log, parts)


CLICKS = TopicPartition("clicks", 0)
ORDERS = TopicPartition("orders", 0)
VIEWS = {CLICKS: [("product_viewed", {"session_id": "s1", "product_id": "p1"})] * 6}


def views(start: int, stop: int) -> Batch:
    return batch_of(VIEWS, {CLICKS: OffsetRange(start, stop)})


async def test_a_stale_write_fails_its_condition() -> None:
    store = Store()
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def pause_between_read_and_write() -> None:
        if store.items.get("sessions") is not None and not reached.is_set():
            reached.set()
            await go_on.wait()

    slow, quick = MemorySink(store, ITEM_PARTS, pause_between_read_and_write), MemorySink(store, ITEM_PARTS)
    await slow.open([CLICKS])
    async with asyncio.TaskGroup() as group:
        zombie = group.create_task(refused(slow.apply(views(0, 2), {CLICKS: 1})))
        await reached.wait()
        await quick.open([CLICKS])
        await quick.apply(views(0, 5), {CLICKS: 2})
        go_on.set()
    assert zombie.result()
    assert store.items["sessions"]["s1",]["pages"] == 5
    assert store.checkpoints[CLICKS] == Checkpoint(5, 2)


async def refused(applied: Awaitable[None]) -> bool:
    try:
        await applied
    except Fenced:
        return True
    return False


async def test_an_owner_of_an_older_epoch_is_refused_before_it_writes() -> None:
    store = Store()
    sink = MemorySink(store, ITEM_PARTS)
    await sink.open([CLICKS])
    await MemorySink(store, ITEM_PARTS).open([CLICKS])
    with pytest.raises(Fenced, match="clicks-0 belongs to epoch 2, not to 1"):
        await sink.apply(views(0, 2), {CLICKS: 1})
    assert store.items == {}


async def test_a_gap_is_refused_before_an_item_folds_what_follows_it() -> None:
    store = Store()
    sink = MemorySink(store, ITEM_PARTS)
    await sink.open([CLICKS])
    await sink.apply(views(0, 2), {CLICKS: 1})
    before = copy.deepcopy(store)
    with pytest.raises(Misplaced, match="expected a batch from offset 2 on, found one from 3"):
        await sink.apply(views(3, 5), {CLICKS: 1})
    assert store == before


async def test_an_older_batch_does_not_move_the_checkpoint_back() -> None:
    store = Store()
    sink = MemorySink(store, ITEM_PARTS)
    await sink.open([CLICKS])
    await sink.apply(views(0, 3), {CLICKS: 1})
    await sink.apply(views(3, 5), {CLICKS: 1})
    await sink.apply(views(0, 3), {CLICKS: 1})
    assert store.checkpoints[CLICKS] == Checkpoint(5, 1)


@virtually
async def test_items_that_keep_changing_are_deferred() -> None:
    class Moving(MemorySink):
        async def write(self, collection: str, items: Mapping[Key, Item]) -> bool:
            return False

    sink = Moving(Store(), ITEM_PARTS)
    await sink.open([CLICKS])
    with pytest.raises(Backpressure, match="items of sessions kept moving") as asked:
        await sink.apply(views(0, 2), {CLICKS: 1})
    assert asked.value.partitions == {CLICKS}


class SlowOrders(MemorySink):
    """Takes sessions, and has no time for orders."""

    async def write(self, collection: str, items: Mapping[Key, Item]) -> bool:
        if collection == "orders":
            raise Backpressure("orders: throttled", retry_after_s=3)
        return await super().write(collection, items)


async def test_a_slow_collection_does_not_block_other_topics() -> None:
    store = Store()
    log = {
        CLICKS: [("product_viewed", {"session_id": "s1", "product_id": "p1"})] * 2,
        ORDERS: [("order_cancelled", {"order_id": "o1", "customer_id": "c1"})] * 2,
    }
    batch, owner = whole(log), {CLICKS: 1, ORDERS: 1}
    sink = SlowOrders(store, ITEM_PARTS)
    await sink.open(owner)
    with pytest.raises(Backpressure, match="orders: throttled") as asked:
        await sink.apply(batch, owner)
    assert (asked.value.partitions, asked.value.retry_after_s) == ({ORDERS}, 3)
    assert next_offsets(store) == {CLICKS: 2, ORDERS: 0}
    await MemorySink(store, ITEM_PARTS).apply(batch, owner)
    assert next_offsets(store) == {CLICKS: 2, ORDERS: 2}
    assert content(store.items) == folded_at_once(log, ITEM_PARTS)


SESSIONS = ITEM_PARTS[0]


def test_only_events_not_yet_folded_are_newer() -> None:
    events = pl.concat(
        [
            frame("clicks", *[("product_viewed", {"session_id": "s1"})] * 4, first_offset=3),
            frame("clicks", ("product_viewed", {"session_id": "s1"}), partition=1),
            frame("clicks", ("product_viewed", {"session_id": "s2"}), first_offset=4),
        ]
    )
    stored = {("s1",): {"folded": {"clicks-0": 4, "orders-1": 90}, "rev": 1}}
    found = newer(events, SESSIONS, stored).select("session_id", "partition", "offset").rows()
    assert found == [("s1", 0, 5), ("s1", 0, 6), ("s1", 1, 0), ("s2", 0, 4)]


def test_a_fold_does_not_change_its_input() -> None:
    stored = {("s1",): {"folded": {"clicks-0": 0}, "rev": 1, "cart": {"p1": {"quantity": 1, "unit_price_cents": 5}}}}
    before = copy.deepcopy(stored)
    added = ("cart_item_added", {"session_id": "s1", "product_id": "p1", "quantity": 2, "unit_price_cents": 6})
    items = fold_items(frame("clicks", added, first_offset=1), SESSIONS, stored)
    assert stored == before
    assert items["s1",]["cart"] == {"p1": {"quantity": 3, "unit_price_cents": 6}}
    assert (items["s1",]["folded"], items["s1",]["rev"]) == ({"clicks-0": 1}, 2)


WITHOUT_BOOKKEEPING: list[dict[str, Any]] = [
    {"rev": None},
    {"rev": "4"},
    {"rev": 0},
    {"folded": None},
    {"folded": {"clicks-0": "1"}},
    {"folded": {"clicks-x": 1}},
    {"generation": 7},
    {"generation": "1"},
]
"""What somebody makes of an item; None removes a field."""


def changed(item: Item, changes: Mapping[str, Any]) -> Item:
    return {name: value for name, value in {**item, **changes}.items() if value is not None}


@pytest.mark.parametrize("changes", WITHOUT_BOOKKEEPING, ids=str)
async def test_an_item_without_its_bookkeeping_stops_the_sink_and_is_left_as_it_is(changes: dict[str, Any]) -> None:
    store = Store()
    sink = MemorySink(store, ITEM_PARTS)
    await sink.open([CLICKS])
    await sink.apply(views(0, 2), {CLICKS: 1})
    store.items["sessions"]["s1",] = changed(store.items["sessions"]["s1",], changes)
    before = copy.deepcopy(store)
    with pytest.raises(StoreDamaged, match="memory: sessions: s1: expected the bookkeeping") as refused:
        await sink.apply(views(2, 5), {CLICKS: 1})
    assert refused.value.fix == "`shoplake rebuild memory` fills the store anew"
    assert store == before


async def test_a_field_of_another_type_stops_the_sink_and_names_the_item() -> None:
    store = Store()
    sink = MemorySink(store, ITEM_PARTS)
    await sink.open([CLICKS])
    await sink.apply(views(0, 2), {CLICKS: 1})
    store.items["sessions"]["s1",]["pages"] = "two"
    with pytest.raises(StoreDamaged, match="sessions: s1: a field is not as a sink writes it"):
        await sink.apply(views(2, 5), {CLICKS: 1})
    assert store.items["sessions"]["s1",]["pages"] == "two"
