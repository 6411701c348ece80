"""Checkpoints as a store holds them: what no sink wrote is named, and replaced only while a rebuild fills the store."""

from __future__ import annotations

from typing import Any

import pytest

from shoplake.errors import StoreDamaged, StoreUnavailable
from shoplake.sinks.base import Checkpoint, TopicPartition
from shoplake.sinks.rebuildable import Filling
from shoplake.sinks.stored_checkpoints import checkpoint_of, filling_of, identity_of, must_be_replaced

PARTITION = TopicPartition("orders", 3)
GOOD = {"next_offset": 12, "epoch": 4}
DAMAGES: list[dict[str, Any]] = [
    {"epoch": 4},
    {"next_offset": 12},
    {"next_offset": "12", "epoch": 4},
    {"next_offset": 12, "epoch": None},
    {"next_offset": 1.5, "epoch": 4},
    {"next_offset": -1, "epoch": 4},
    {"next_offset": True, "epoch": 4},
]


@pytest.mark.parametrize("row", DAMAGES, ids=str)
def test_a_checkpoint_that_is_none_is_named(row: dict[str, Any]) -> None:
    assert checkpoint_of("mongo", PARTITION, GOOD) == Checkpoint(12, 4)
    with pytest.raises(StoreDamaged, match="mongo: checkpoint of orders-3: expected whole numbers") as refused:
        checkpoint_of("mongo", PARTITION, row)
    assert "shoplake rebuild mongo" in refused.value.fix


@pytest.mark.parametrize("row", [*DAMAGES, GOOD | {"generation": "x"}, GOOD | {"generation": 3}], ids=str)
def test_a_damaged_checkpoint_is_replaced_only_while_a_rebuild_fills_the_store(row: dict[str, Any]) -> None:
    with pytest.raises(StoreDamaged):
        must_be_replaced("mongo", PARTITION, row, 2, Filling(2, "whole"))
    assert must_be_replaced("mongo", PARTITION, row, 2, Filling(2, "filling"))
    assert must_be_replaced("mongo", PARTITION, row, 2, Filling(2, "held"))
    with pytest.raises(StoreUnavailable, match="a rebuild has begun"):
        must_be_replaced("mongo", PARTITION, row, 2, Filling(3, "filling"))


@pytest.mark.parametrize("generation", [{}, {"generation": 1}, {"generation": 2}], ids=str)
def test_a_checkpoint_of_this_or_an_earlier_filling_stays(generation: dict[str, int]) -> None:
    assert not must_be_replaced("mongo", PARTITION, GOOD | generation, 2, Filling(2, "whole"))


@pytest.mark.parametrize(("number", "state"), [(None, "whole"), ("2", "whole"), (2, None), (1.0, "whole")])
def test_a_state_of_a_rebuild_that_is_none_is_named(number: object, state: object) -> None:
    assert filling_of("mongo", 2, "held") == Filling(2, "held")
    with pytest.raises(StoreDamaged, match="mongo: state of the rebuild"):
        filling_of("mongo", number, state)


def test_an_identity_that_is_none_is_named() -> None:
    assert identity_of("mongo", "orders", "abc") == "abc"
    with pytest.raises(StoreDamaged, match="identity of the topic orders: expected a text, found 7"):
        identity_of("mongo", "orders", 7)
