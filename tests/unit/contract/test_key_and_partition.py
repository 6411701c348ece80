"""A record's key and partition are part of the contract: one entity is in one partition, in one order."""

from __future__ import annotations

from functools import cache

import msgspec
import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.example_counts import examples

from shoplake.contract import Placement, decode, rejections

COUNT = 6
STARTED = {"type": "checkout_started", "event_id": "e", "occurred_at_ms": 1_704_067_200_000}
BROKEN = b"{"


def started(session: str) -> bytes:
    return msgspec.json.encode(STARTED | {"session_id": session})


def partition_of(key: bytes) -> int:
    every = list(range(COUNT))
    return int(DefaultPartitioner()(key, every, every))


@cache  # the same record comes again and again
def said_of(value: bytes, key: bytes | None, partition: int) -> list[tuple[str, str]]:
    return [(r.reason, r.detail) for r in rejections("clicks", [value], Placement([key], [partition], COUNT))]


def test_the_key_is_the_text_of_the_topics_key_field() -> None:
    assert said_of(started("s1"), b"s1", 3) == []
    assert said_of(started("日本"), "日本".encode(), partition_of("日本".encode())) == []


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (None, "none"),
        (b"", "``"),
        (b"s2", "`s2`"),
        (b"S1", "`S1`"),
        (b"s1 ", "`s1 `"),
        (b"s1\0", r"`s1\x00`"),
        (b"\xff\xfe", r"`\\xff\\xfe`"),
        (b"a\nb", r"`a\nb`"),
        (b"x" * 100_000, f"`{'x' * 80}…` of 100000 bytes"),
        (b'"s1"', '`"s1"`'),
    ],
)
def test_a_valid_event_with_a_wrong_key_is_refused_and_the_key_is_shown(key: bytes | None, shown: str) -> None:
    said = f"Expected key `s1`, the value of `$.session_id`, got {shown}"
    assert said_of(started("s1"), key, 3) == [("key", said)]


def test_a_valid_event_in_the_wrong_partition_is_refused() -> None:
    assert said_of(started("s1"), b"s1", 4) == [("partition", "Expected partition 3 of 6 for key `s1`, got 4")]


def test_the_first_reason_is_reported() -> None:
    assert [reason for reason, _ in said_of(BROKEN, b"other", 5)] == ["malformed_json"]
    assert [reason for reason, _ in said_of(started("s1"), b"other", 5)] == ["key"]


def test_without_a_position_only_the_value_is_checked() -> None:
    assert rejections("clicks", [started("s1"), started("s2")]) == []


def test_a_key_with_the_separator_is_one_key() -> None:
    """A block's keys are compared as one text, joined by U+0000, which no field holds."""
    values = [started("a"), started("b")]
    found = rejections("clicks", values, Placement([b"a\0b", b""], [partition_of(b"a\0b"), partition_of(b"")], COUNT))
    assert [(r.position, r.reason) for r in found] == [(0, "key"), (1, "key")]


records = st.tuples(
    st.one_of(st.sampled_from([BROKEN, b"", started("a\x1f")]), st.sampled_from("ab").map(started)),
    st.sampled_from([None, b"", b"a", b"b", b"a\x1f", b"a\0b", b"\xff"]),
    st.integers(0, COUNT - 1),
)


@settings(max_examples=examples(25, 100), deadline=None)
@given(drawn=st.lists(records, max_size=12), before=st.sampled_from([0, 127, 128, 300]))
def test_a_record_is_validated_independently_of_its_neighbours(
    drawn: list[tuple[bytes, bytes | None, int]], before: int
) -> None:
    together = [(started("s1"), b"s1", 3)] * before + drawn
    values, keys, partitions = zip(*together, strict=True) if together else ((), (), ())

    decoded = decode("clicks", values, Placement(keys, partitions, COUNT))

    alone = [(n, *said) for n, record in enumerate(together) for said in said_of(*record)]
    assert [(r.position, r.reason, r.detail) for r in decoded.rejected] == alone
    refused = {position for position, *_ in alone}
    assert decoded.events["position"].to_list() == [n for n in range(len(together)) if n not in refused]
    for position, session in decoded.events.select("position", "session_id").iter_rows():
        assert (keys[position], partitions[position]) == (session.encode(), partition_of(session.encode()))
