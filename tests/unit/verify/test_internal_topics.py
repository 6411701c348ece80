"""Records of the compacted topics: ours, deleted ones, and whatever others wrote."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import shopsim
from shoplake.verify.internal_topics import Newest, newest_outcomes, newest_progress
from shoplake.verify.log_reader import Chunk, Records

SCENARIO = shopsim.load_scenario("demo").to_dict()


def progress(publisher: str, events: int = 1) -> bytes:
    body = {"publisher": publisher, "scenario": SCENARIO, "seed": 7, "version": shopsim.VERSION, "events": events}
    return msgspec.json.encode(body)


def outcome(letter: str, state: str = "replayed") -> bytes:
    return msgspec.json.encode({"letter": letter, "state": state, "at_ms": 5})


def chunk(topic: str, *written: tuple[bytes | None, bytes | None]) -> Chunk:
    """Records of one partition, in this order."""
    keys, values = [key for key, _ in written], [value for _, value in written]
    count = len(written)
    return {topic: Records(1, [0] * count, [*range(count)], [0] * count, keys, values, [None] * count)}


def progress_of(*written: tuple[bytes | None, bytes | None]) -> Newest:
    return newest_progress([chunk("publish-progress", *written)])


def outcomes_of(*written: tuple[bytes | None, bytes | None]) -> Newest:
    return newest_outcomes([chunk("dead-letter-outcomes", *written)])


def test_the_newest_record_of_each_key_counts() -> None:
    found = progress_of((b"a-1", progress("a-1")), (b"b-2", progress("b-2", 9)), (b"a-1", progress("a-1", 2)))

    assert sorted((p["publisher"], p["events"]) for p in found.values) == [("a-1", 2), ("b-2", 9)]


def test_a_record_without_a_value_deletes_its_key() -> None:
    assert progress_of((b"a-1", progress("a-1")), (b"a-1", None)).values == []
    assert outcomes_of((b"clicks-0-5", outcome("clicks-0-5")), (b"clicks-0-5", None)).values == []


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        progress("b-2"),
        progress("a-1").replace(b'"name":"demo"', b'"name":5'),
        b"[" * 10**5,
    ],
)
def test_what_stands_in_place_of_a_publishers_progress_is_a_finding_that_names_it(value: bytes) -> None:
    found = progress_of((b"a-1", progress("a-1")), (b"a-1", value))

    assert found.values == []
    assert [(f.kind, f.table, f.key) for f in found.unreadable] == [("differing", "publish-progress", "a-1")]
    assert "publish-progress-0 at offset 1" in found.unreadable[0].detail


@pytest.mark.parametrize("value", [b"x", outcome("clicks-0-6"), outcome("clicks-0-5", "open")])
def test_what_stands_in_place_of_an_outcome_is_a_finding_that_names_it(value: bytes) -> None:
    found = outcomes_of((b"clicks-0-5", value))

    assert [f.key for f in found.unreadable] == ["clicks-0-5"]


def test_what_nothing_depends_on_is_passed_over_and_counted() -> None:
    found = outcomes_of((b"note", b"x"), (None, b"x"), (b"\xff", b"{}"))

    assert (found.values, found.unreadable, found.passed_over) == ([], (), 3)


@given(st.lists(st.tuples(st.sampled_from([b"a-1", b"clicks-0-5", b"\xff", None]), st.none() | st.binary(max_size=9))))
def test_no_bytes_raise(written: list[tuple[bytes | None, bytes | None]]) -> None:
    progress_of(*written)
    outcomes_of(*written)
