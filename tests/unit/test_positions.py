"""Positions in the log: text, JSON, comparison."""

from __future__ import annotations

import pytest

from shoplake.positions import Place, Positions

READ = Positions({Place("orders", 1): 1180, Place("orders", 0): 1204, Place("clicks", 10): 7, Place("clicks", 2): 9})


def test_positions_read_back_what_they_wrote():
    text = READ.as_json()

    assert text == '{"clicks": {"2": 9, "10": 7}, "orders": {"0": 1204, "1": 1180}}'
    assert Positions.parse(text).next_offsets == READ.next_offsets


def test_positions_name_each_partition_in_order():
    assert str(READ) == "clicks-2=9, clicks-10=7, orders-0=1204, orders-1=1180"


def test_the_offsets_of_a_topic_are_by_partition():
    assert READ.of("orders") == {0: 1204, 1: 1180}
    assert READ.of("reviews") == {}


def test_a_reader_is_behind_in_the_partitions_that_the_other_has_read_further():
    other = Positions({**READ.next_offsets, Place("orders", 1): 1181, Place("reviews", 0): 1, Place("clicks", 2): 0})

    assert READ.behind(other) == [Place("orders", 1), Place("reviews", 0)]
    assert READ.behind(READ) == []


@pytest.mark.parametrize("text", ["", "[]", "3", '{"orders": 3}', '{"orders": {"a": 1}}', '{"orders": {"0": null}}'])
def test_another_text_is_refused(text):
    with pytest.raises(ValueError, match="expected positions as JSON"):
        Positions.parse(text)


def test_readers_that_share_partitions_are_joined_at_the_higher_offset():
    first = Positions({Place("orders", 0): 5, Place("orders", 1): 7})
    second = Positions({Place("orders", 1): 9, Place("clicks", 0): 2})
    assert Positions.joined([first, second]).next_offsets == {
        Place("orders", 0): 5,
        Place("orders", 1): 9,
        Place("clicks", 0): 2,
    }
    assert Positions.joined([]).next_offsets == {}
