"""What is written of an event that is refused."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import msgspec

from shoplake.contract import digest
from shoplake.contract.history import History
from shoplake.streaming.dead_letters import DeadLetter, letters_of

OWN = History.of_own()
VALID = msgspec.json.encode(
    {"type": "checkout_started", "event_id": "e", "occurred_at_ms": 1_704_067_200_000, "session_id": "s1"}
)

COUNT = 6  # of the topic's partitions; `s1` belongs in 3


def record(offset: int, value: bytes | None, key: bytes | None = b"s1") -> Any:
    return SimpleNamespace(topic="clicks", partition=3, offset=offset, key=key, timestamp=17, value=value)


def test_a_letter_says_where_the_event_is_why_it_was_refused_and_what_it_was() -> None:
    value = VALID.replace(b'"s1"', b"5")
    assert letters_of([record(8, VALID), record(9, value)], OWN, COUNT) == [
        DeadLetter(
            topic="clicks",
            partition=3,
            offset=9,
            key="s1",
            timestamp_ms=17,
            reason="schema",
            detail="Expected `str`, got `int` - at `$.session_id`",
            value_base64=base64.b64encode(value).decode(),
            contract=digest(),
        )
    ]


def test_valid_events_make_no_letters() -> None:
    assert letters_of([record(n, VALID) for n in range(3)], OWN, COUNT) == []


def test_the_key_of_a_letter_is_its_place_in_the_log() -> None:
    letters = letters_of([record(n, b"{") for n in (3, 5)], OWN, COUNT)
    assert [letter.key_bytes for letter in letters] == [b"clicks-3-3", b"clicks-3-5"]


def test_an_event_without_key_or_value_or_with_odd_bytes_makes_a_letter_too() -> None:
    letters = letters_of([record(1, None, None), record(2, b"\xff\x00", b"\xff")], OWN, COUNT)
    assert [(letter.key, base64.b64decode(letter.value_base64), letter.reason) for letter in letters] == [
        (None, b"", "malformed_json"),
        ("\ufffd", b"\xff\x00", "malformed_json"),
    ]
    assert all(msgspec.json.decode(msgspec.json.encode(letter), type=DeadLetter) == letter for letter in letters)


def test_a_valid_event_with_another_key_or_in_another_partition_makes_a_letter_that_says_so() -> None:
    elsewhere = record(3, VALID)
    elsewhere.partition = 0
    letters = letters_of([record(1, VALID, b"s2"), record(2, VALID, None)], OWN, COUNT)
    letters += letters_of([elsewhere], OWN, COUNT)
    assert [(letter.reason, letter.key) for letter in letters] == [("key", "s2"), ("key", None), ("partition", "s1")]
