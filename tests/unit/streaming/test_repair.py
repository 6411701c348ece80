"""What is done to a refused event, and what still does not fit."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplake.errors import UsageError
from shoplake.streaming.dead_letters.repair import (
    CannotRepair,
    Event,
    Refusal,
    Repair,
    parse_changes,
    read_values,
    repaired,
)
from shoplake.streaming.dead_letters.router import DeadLetter
from shoplake.streaming.dead_letters.store import Filter, filter_of, parse_time

STARTED = {"type": "checkout_started", "event_id": "e", "occurred_at_ms": 1_704_067_200_000, "session_id": "s1"}
NOW = datetime(2024, 2, 1, 12, tzinfo=UTC)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["a", "b", "c", "d"])


def letter(value: bytes | dict[str, Any], topic: str = "clicks", **fields: Any) -> DeadLetter:
    raw = value if isinstance(value, bytes) else msgspec.json.encode(value)
    of = {"partition": 0, "offset": 17, "key": "s1", "timestamp_ms": 0, "reason": "schema", "detail": ""} | fields
    return DeadLetter(topic=topic, value_base64=base64.b64encode(raw).decode(), **of)


def repair(value: Any, *sets: str, rename: tuple[str, ...] = (), unset: tuple[str, ...] = ()) -> Any:
    changed = Repair(parse_changes(sets, rename, unset)).apply("x", json.dumps(value).encode())
    return json.loads(changed)


@given(st.dictionaries(names, values), names, values)
def test_a_set_field_has_the_value_and_the_others_stay(event: dict[str, Any], name: str, value: Any) -> None:
    assert repair(event, f"{name}={json.dumps(value)}") == event | {name: value}


@given(st.dictionaries(names, values), names, names)
def test_a_renamed_field_keeps_its_value(event: dict[str, Any], old: str, new: str) -> None:
    rest = {name: value for name, value in event.items() if name != old}
    assert repair(event, rename=(f"{old}={new}",)) == (rest | {new: event[old]} if old in event else event)


@given(st.dictionaries(names, values), names)
def test_a_removed_field_is_absent(event: dict[str, Any], name: str) -> None:
    assert repair(event, unset=(name,)) == {k: v for k, v in event.items() if k != name}


def test_a_value_that_is_not_json_is_text_and_quotes_make_a_number_text() -> None:
    assert repair({}, "a=EUR", "b=12", 'c="12"', "d=null") == {"a": "EUR", "b": 12, "c": "12", "d": None}


def test_a_path_can_contain_lists_and_objects() -> None:
    assert repair({"lines": [{"q": 0}, {"q": 0}]}, "$.lines[1].q=3") == {"lines": [{"q": 0}, {"q": 3}]}


@pytest.mark.parametrize(
    ("event", "path", "why"),
    [
        ({}, "lines[0].q", "there is no $.lines"),
        ({"lines": []}, "lines[0].q", "there is no $.lines[0]"),
        ({"lines": 5}, "lines.q", "$.lines has no fields"),
        ({"lines": [1]}, "lines[0]", "names a list element"),
        ([], "a", "expected a JSON object, found list"),
    ],
)
def test_a_change_that_does_not_apply_says_why(event: Any, path: str, why: str) -> None:
    with pytest.raises(CannotRepair) as error:
        repair(event, f"{path}=1")
    assert why in str(error.value)


@pytest.mark.parametrize("text", ["a", ".=1", "a[x]=1", "a[0=1", "=1"])
def test_a_malformed_change_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="expected"):
        parse_changes([text], (), ())


def test_a_repaired_record_has_the_key_of_its_topic_and_its_own_time() -> None:
    value = {**STARTED, "session_id": 7}
    event = repaired(letter(value), Repair(parse_changes(['session_id="s2"'], (), ())))
    assert event == Event("clicks", b"s2", msgspec.json.encode({**value, "session_id": "s2"}), 1_704_067_200_000)


def test_an_event_in_the_wrong_topic_goes_to_that_of_its_type() -> None:
    event = repaired(letter(STARTED, topic="orders"), Repair())
    assert isinstance(event, Event)
    assert event.topic == "clicks"


def test_a_record_that_is_still_invalid_is_refused_with_the_path_of_the_field() -> None:
    refusal = repaired(letter({**STARTED, "session_id": 7}), Repair())
    assert refusal == Refusal("clicks-0-17", "schema", "Expected `str`, got `int` - at `$.session_id`")


def test_an_event_of_a_removed_topic_is_refused() -> None:
    refusal = repaired(letter(b"{", topic="returns"), Repair())
    assert isinstance(refusal, Refusal)
    assert refusal.detail == "the contract has no topic returns"


def test_malformed_json_needs_a_replacement_value() -> None:
    cut = letter(b'{"type":', reason="malformed_json")
    refusal = repaired(cut, Repair(parse_changes(["session_id=s1"], (), ())))
    assert isinstance(refusal, Refusal)
    assert "expected JSON whose fields can be set" in refusal.detail
    whole = repaired(cut, Repair(values={"clicks-0-17": msgspec.json.encode(STARTED)}))
    assert isinstance(whole, Event)


def test_values_are_events_or_their_text(tmp_path: Path) -> None:
    file = tmp_path / "repaired.jsonl"
    file.write_text(
        '{"letter":"a-0-1","value":{"x":1},"reason":"schema"}\n\n{"letter":"a-0-2","value":"{\\"x\\": 2}"}\n'
    )
    assert read_values(file) == {"a-0-1": b'{"x":1}', "a-0-2": b'{"x": 2}'}


def test_an_invalid_line_of_a_file_is_a_usage_error_with_its_number(tmp_path: Path) -> None:
    file = tmp_path / "repaired.jsonl"
    file.write_text('{"letter":"a-0-1","value":{}}\n[]\n')
    with pytest.raises(UsageError, match=r"repaired\.jsonl:2: expected"):
        read_values(file)
    with pytest.raises(UsageError, match="cannot read"):
        read_values(tmp_path / "none")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31", "2024-01-31T00:00:00+00:00"),
        ("2024-01-31T12:00", "2024-01-31T12:00:00+00:00"),
        ("2024-01-31T12:00+02:00", "2024-01-31T10:00:00+00:00"),
        ("90m", "2024-02-01T10:30:00+00:00"),
        ("24h", "2024-01-31T12:00:00+00:00"),
        ("7d", "2024-01-25T12:00:00+00:00"),
    ],
)
def test_a_time_is_iso_8601_or_relative(text: str, expected: str) -> None:
    assert parse_time(text, now=NOW) == datetime.fromisoformat(expected).timestamp() * 1000


@pytest.mark.parametrize(
    "wrong",
    [{"since": "yesterday"}, {"topics": ["returns"]}, {"reasons": ["ugly"]}, {"states": ["lost"]}],
)
def test_a_filter_that_cannot_match_is_a_usage_error(wrong: dict[str, Any]) -> None:
    given_ = {"names": (), "reasons": (), "topics": (), "since": "", "until": "", "states": ()} | wrong
    with pytest.raises(UsageError, match=r"expected a time|there is no (topic|reason|state)"):
        filter_of(**given_)


def test_a_filter_matches_by_each_of_its_parts() -> None:
    one = letter(b"{", timestamp_ms=100, reason="malformed_json")
    assert Filter().matches(one, "open")
    assert not Filter().matches(one, "discarded")
    assert Filter(states=frozenset()).matches(one, "discarded")
    assert Filter(since_ms=100, until_ms=101, topics=frozenset({"clicks"})).matches(one, "open")
    assert not Filter(since_ms=101).matches(one, "open")
    assert not Filter(until_ms=100).matches(one, "open")
    assert not Filter(reasons=frozenset({"schema"})).matches(one, "open")
    assert not Filter(names=frozenset({"clicks-0-18"})).matches(one, "open")
