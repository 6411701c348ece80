"""The limits around a store: the wait for positions, and what becomes of errors. The store is a fake at the seam."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shoplake.api.parameters import AtLeast
from shoplake.api.stores import base
from shoplake.api.stores.base import Store, positions_of
from shoplake.errors import NotYetApplied, StoreDown, TooManyRequests
from shoplake.positions import Place, Positions

HERE = Place("orders", 0)


class AdvancingStore(Store):
    """Applies one more record each time that its positions are read."""

    name = "fake"
    errors = (ConnectionError,)

    def __init__(self, advances: bool = True) -> None:
        super().__init__()
        self.reads = 0
        self.advances = advances

    async def positions(self) -> Positions:
        self.reads += 1
        return Positions({HERE: self.reads if self.advances else 1, Place("clicks", 0): 7})

    async def ping(self) -> None: ...
    async def open(self) -> None: ...
    async def close(self) -> None: ...


def wanting(offset: int, wait_s: float = 5.0, place: Place = HERE) -> AtLeast:
    return AtLeast(Positions({place: offset}), wait_s)


async def test_positions_are_of_the_topics_of_the_answer_and_shared_by_requests_of_a_moment() -> None:
    store = AdvancingStore()
    found = [await store.as_of(("orders",), AtLeast(Positions(), 0)) for _ in range(5)]
    assert found == [Positions({HERE: 1})] * 5
    assert store.reads == 1


async def test_it_waits_until_the_positions_are_reached() -> None:
    assert (await AdvancingStore().as_of(("orders",), wanting(4))).next_offsets == {HERE: 4}


async def test_positions_that_are_not_reached_are_named() -> None:
    with pytest.raises(NotYetApplied) as caught:
        await AdvancingStore(advances=False).as_of(("orders",), wanting(9, wait_s=0.05))
    assert caught.value.more["missing"] == {"orders-0": {"wanted": 9, "found": 1}}


async def test_other_topics_are_not_waited_for() -> None:
    store = AdvancingStore()
    await store.wait(("orders",), wanting(10**9, place=Place("inventory", 0)))
    assert store.reads == 0


async def test_more_waiting_requests_than_allowed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "WAITERS", 1)
    store = AdvancingStore(advances=False)
    first = asyncio.create_task(store.as_of(("orders",), wanting(9, wait_s=0.5)))
    await asyncio.sleep(0.05)
    with pytest.raises(TooManyRequests):
        await store.as_of(("orders",), wanting(9))
    with pytest.raises(NotYetApplied):
        await first


async def test_errors_of_the_client_open_the_breaker_and_their_text_is_not_shown() -> None:
    store = AdvancingStore()

    async def broken() -> Any:
        raise ConnectionError("password=secret")

    for _ in range(5):
        with pytest.raises(StoreDown) as caught:
            await store.call(broken)
        assert "secret" not in str(caught.value)
        assert (caught.value.retry_after_s or 0) >= 1
    assert store.breaker.is_open


async def test_a_slow_call_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "CALL_S", 0.01)
    with pytest.raises(StoreDown):
        await AdvancingStore().call(lambda: asyncio.sleep(60))


async def test_more_calls_than_allowed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "CALLS_AT_ONCE", 0)
    with pytest.raises(TooManyRequests):
        await AdvancingStore().call(lambda: asyncio.sleep(0))


def test_checkpoints_of_an_earlier_rebuild_and_of_strangers_count_as_nothing() -> None:
    rows: dict[str, dict[str, Any]] = {
        "rebuild-0": {"number": 2, "state": "whole"},
        "orders-0": {"next_offset": 5, "generation": 2},
        "orders-1": {"next_offset": 9, "generation": 1},
        "orders-2": {"next_offset": "7", "generation": 2},
        "identity": {"next_offset": 3, "generation": 2},
    }
    assert positions_of(rows) == Positions({HERE: 5})
