"""What is written of an event that is refused."""

from __future__ import annotations

import base64
import hashlib
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from shoplake.contract import digest
from shoplake.contract.history import History
from shoplake.streaming.dead_letters.originals import in_chunks
from shoplake.streaming.dead_letters.router import KEY_BYTES, VALUE_BYTES, DeadLetter, Truncated, letters_of

OWN = History.of_own()
VALID = msgspec.json.encode(
    {"type": "checkout_started", "event_id": "e", "occurred_at_ms": 1_704_067_200_000, "session_id": "s1"}
)

BROKER_DEFAULT_BYTES = 1_000_000  # Kafka's own default is a little more
COUNT = 6  # of the topic's partitions; `s1` belongs in 3


def record(offset: int, value: bytes | None, key: bytes | None = b"s1") -> Any:
    return SimpleNamespace(topic="clicks", partition=3, offset=offset, key=key, timestamp=17, value=value)


def test_a_dead_letter_has_the_position_the_reason_and_the_bytes_of_its_record() -> None:
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


def test_valid_events_have_no_dead_letters() -> None:
    assert letters_of([record(n, VALID) for n in range(3)], OWN, COUNT) == []


def test_the_key_of_a_dead_letter_is_the_position_of_its_record() -> None:
    letters = letters_of([record(n, b"{") for n in (3, 5)], OWN, COUNT)
    assert [letter.key_bytes for letter in letters] == [b"clicks-3-3", b"clicks-3-5"]


def test_a_record_without_key_or_value_becomes_a_dead_letter() -> None:
    letters = letters_of([record(1, None, None), record(2, b"\xff\x00", b"\xff")], OWN, COUNT)
    assert [(letter.key, base64.b64decode(letter.value_base64), letter.reason) for letter in letters] == [
        (None, b"", "malformed_json"),
        ("\ufffd", b"\xff\x00", "malformed_json"),
    ]
    assert all(msgspec.json.decode(msgspec.json.encode(letter), type=DeadLetter) == letter for letter in letters)


def test_a_valid_event_with_a_wrong_key_or_partition_becomes_a_dead_letter() -> None:
    elsewhere = record(3, VALID)
    elsewhere.partition = 0
    letters = letters_of([record(1, VALID, b"s2"), record(2, VALID, None)], OWN, COUNT)
    letters += letters_of([elsewhere], OWN, COUNT)
    assert [(letter.reason, letter.key) for letter in letters] == [("key", "s2"), ("key", None), ("partition", "s1")]


KEYS = {
    "text": b"s1",
    "none": None,
    "empty": b"",
    "not UTF-8": b"\xff\xfe",
    "as long as is kept": b"\xff" * KEY_BYTES,
    "longer": b"\xff" * (KEY_BYTES + 1),
    "of a megabyte": b"\x01" * (1 << 20),
}
VALUES = {
    "empty": b"",
    "as long as is kept": b"{" * VALUE_BYTES,
    "longer": b"{" * (VALUE_BYTES + 1),
    "of eight megabytes": b"\xff" * (8 << 20),
    "with a long type": b'{"type":"' + b"\\u0001" * 500_000 + b'"}',
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_dead_letter_of_a_large_record_is_truncated_and_says_so(key: bytes | None, value: bytes) -> None:
    (letter,) = letters_of([record(1, value, key)], OWN, COUNT)

    assert len(msgspec.json.encode(letter)) < BROKER_DEFAULT_BYTES
    assert letter.value == value[:VALUE_BYTES]
    whole = None if len(value) <= VALUE_BYTES else Truncated(len(value), hashlib.sha256(value).hexdigest())
    assert letter.value_cut == whole
    assert msgspec.json.decode(msgspec.json.encode(letter), type=DeadLetter) == letter


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_key_of_common_length_is_kept_byte_for_byte(key: bytes | None) -> None:
    (letter,) = letters_of([record(1, b"{", key)], OWN, COUNT)

    held = (
        base64.b64decode(letter.key_base64)
        if letter.key_base64
        else None
        if letter.key is None
        else letter.key.encode()
    )
    assert (held or None) == ((key and key[:KEY_BYTES]) or None)
    assert (letter.key_cut is not None) == (len(key or b"") > KEY_BYTES)


def test_dead_letters_are_written_in_parts_of_limited_size() -> None:
    sizes = [1, 2, VALUE_BYTES + 1, 3, VALUE_BYTES + 2, 4]
    letters = letters_of([record(n, b"{" * size) for n, size in enumerate(sizes)], OWN, COUNT)

    parts = [[letter.offset for letter in part] for part in in_chunks(letters, 2, VALUE_BYTES + 100)]

    assert parts == [[0, 1], [2, 3], [4, 5]]
    assert [[x.offset for x in part] for part in in_chunks(letters, 9, 1)] == [[n] for n in range(6)]
