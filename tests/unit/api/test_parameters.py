"""`at_least`: places of records, positions as JSON, and everything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplake.api.parameters import compact, parse
from shoplake.contract import TOPICS
from shoplake.errors import InvalidRequest
from shoplake.positions import Place, Positions

PLACES = st.dictionaries(
    st.builds(Place, st.sampled_from(sorted(TOPICS)), st.integers(0, 99)), st.integers(0, 2**62), min_size=1
)


@given(PLACES)
def test_positions_of_an_answer_are_read_back(offsets: dict[Place, int]) -> None:
    assert parse(compact(Positions(offsets))) == Positions(offsets)


@given(PLACES)
def test_the_place_of_a_record_asks_for_the_offset_after_it(offsets: dict[Place, int]) -> None:
    text = ",".join(f"{place}:{offset}" for place, offset in offsets.items())
    assert parse(text) == Positions({place: offset + 1 for place, offset in offsets.items()})


def test_of_two_records_of_a_partition_the_later_counts() -> None:
    assert parse("orders-0:7, orders-0:3") == Positions({Place("orders", 0): 8})


@pytest.mark.parametrize(
    "text",
    [
        "orders",
        "orders-0",
        "orders-0:",
        "orders-0:-1",
        "orders-x:1",
        "nothing-0:1",
        "{",
        '{"orders": 1}',
        "[]",
        "{}x",
        '{"orders": {"0": null}}',
        '{"nothing": {"0": 1}}',
        '{"a":' * 5000,
        '{"\\ud800": {"0": 1}}',
        "orders-٣:1",
    ],
)
def test_anything_else_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(InvalidRequest, match="at_least"):
        parse(text)
