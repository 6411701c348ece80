"""Events to JSON and back, and the reasons for which a value is no event."""

from __future__ import annotations

from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplake.contract import EVENTS, TOPICS, Topic, decode, encode, rejections

from .random_events import events_of, fields_of, frame_of

TOPIC_OF = {name: topic for topic in TOPICS.values() for name, event in EVENTS.items() if event in topic.events}
REVIEW = {
    "type": "review_submitted",
    "event_id": "e1",
    "occurred_at_ms": 1_704_067_200_000,
    "review_id": "r1",
    "product_id": "p1",
    "customer_id": "c1",
    "order_id": "o1",
    "rating": 3,
    "title": "Fine",
    "body": "It does what it says",
}
CANCELLED = {
    "type": "order_cancelled",
    "event_id": "e1",
    "occurred_at_ms": 1_704_067_200_000,
    "order_id": "o1",
    "customer_id": "c1",
    "reason": "requested",
}


def json_of(event: dict[str, Any], **changes: Any) -> bytes:
    return msgspec.json.encode(event | changes)


def with_raw(event: dict[str, Any], field: str, raw: bytes) -> bytes:
    """The event with one more field, whose JSON is written as it is."""
    return json_of(event)[:-1] + b',"' + field.encode() + b'":' + raw + b"}"


def said_of(topic: str, value: bytes) -> tuple[str, str]:
    """Reason and detail for which a value is refused."""
    (rejected,) = rejections(topic, [value])
    return rejected.reason, rejected.detail


def rows_of(topic: str, *values: bytes) -> list[dict[str, Any]]:
    """The valid events, without what is null."""
    rows = decode(topic, values).events.drop("position").to_dicts()
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


@pytest.mark.parametrize("event_type", EVENTS)
@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_an_event_round_trips(event_type: str, data: st.DataObject) -> None:
    event, topic = EVENTS[event_type], TOPIC_OF[event_type]
    sent = data.draw(st.lists(events_of(event), min_size=1, max_size=4))

    values = encode(event_type, frame_of(event, sent))
    decoded = decode(topic.name, values)

    assert [msgspec.json.decode(value, type=event) for value in values] == sent
    assert decoded.rejected == ()
    fields = list(event.__struct_fields__)
    assert decoded.events.select(fields).to_dicts() == [fields_of(e) for e in sent]
    assert decoded.events["type"].to_list() == [event_type] * len(sent)
    foreign = [name for name in topic.columns if name not in {"type", *fields}]
    assert all(decoded.events[name].is_null().all() for name in foreign)


def test_no_events_encode_to_no_bytes() -> None:
    columns = frame_of(EVENTS["review_removed"], [])
    assert encode("review_removed", columns) == []


def test_the_type_is_first_and_the_fields_are_in_contract_order() -> None:
    columns = pl.DataFrame([{name: REVIEW[name] for name in sorted(REVIEW) if name != "type"}])
    (value,) = encode("review_submitted", columns)
    assert list(msgspec.json.decode(value)) == list(REVIEW)


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)
@pytest.mark.parametrize("values", [[], [b"nonsense"]], ids=["nothing", "nothing valid"])
def test_without_valid_values_the_columns_are_empty(topic: Topic, values: list[bytes]) -> None:
    events = decode(topic.name, values).events
    assert events.is_empty()
    assert dict(events.schema) == {**pl.DataFrame(schema=topic.columns).schema, "position": pl.Int64()}


def test_positions_identify_the_value_of_each_row_and_rejection() -> None:
    values = [b"{", json_of(REVIEW, event_id="a"), b"[]", json_of(REVIEW, event_id="b"), json_of(REVIEW, rating=9)]
    decoded = decode("reviews", values)
    assert decoded.events.select("position", "event_id").rows() == [(1, "a"), (3, "b")]
    assert [(r.position, r.reason) for r in decoded.rejected] == [
        (0, "malformed_json"),
        (2, "schema"),
        (4, "schema"),
    ]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"  ",
        b"{",
        b"not json",
        json_of(REVIEW)[:-1],
        json_of(REVIEW) + json_of(REVIEW),
        json_of(REVIEW).replace(b"Fine", b"\\ud800"),
        json_of(REVIEW).replace(b"Fine", b"\xff"),
        with_raw(REVIEW, "note", b"NaN"),
        with_raw(REVIEW, "note", b"[" * 100_000 + b"]" * 100_000),
    ],
    ids=[
        "empty",
        "white space",
        "a brace",
        "text",
        "cut short",
        "two events",
        "a lone surrogate",
        "no utf-8",
        "not a number",
        "nested without end",
    ],
)
def test_a_value_that_is_not_json_is_malformed(value: bytes) -> None:
    reason, detail = said_of("reviews", value)
    assert reason == "malformed_json"
    assert detail


@pytest.mark.parametrize(
    ("topic", "value", "detail"),
    [
        ("reviews", b"[]", "Expected `object`, got `array`"),
        ("reviews", json_of(REVIEW, rating="3"), "Expected `int`, got `str` - at `$.rating`"),
        ("reviews", json_of(REVIEW, rating=3.5), "Expected `int`, got `float` - at `$.rating`"),
        ("reviews", json_of(REVIEW, rating=6), "Expected `int` <= 5 - at `$.rating`"),
        ("reviews", json_of(REVIEW, order_id=None), "Expected `str`, got `null` - at `$.order_id`"),
        ("reviews", json_of(REVIEW, order_id=""), "Expected `str` of length >= 1 - at `$.order_id`"),
        ("reviews", json_of({k: v for k, v in REVIEW.items() if k != "title"}), "missing required field `title`"),
        ("reviews", json_of({k: v for k, v in REVIEW.items() if k != "type"}), "missing required field `type`"),
        ("reviews", json_of(REVIEW, type="review_praised"), "Invalid value 'review_praised' - at `$.type`"),
        ("reviews", json_of(CANCELLED), "Invalid value 'order_cancelled' - at `$.type`"),
        ("orders", json_of(CANCELLED, reason="boredom"), "Invalid enum value 'boredom' - at `$.reason`"),
        ("reviews", json_of(REVIEW, occurred_at_ms=1), "Expected `int` >= 631152000000 - at `$.occurred_at_ms`"),
        ("reviews", json_of(REVIEW, occurred_at_ms=2**45), "Expected `int` <= 4102444800000 - at `$.occurred_at_ms`"),
        ("reviews", json_of(REVIEW, title="a\0b"), "Expected text without U+0000 - at `$.title`"),
        ("reviews", json_of(REVIEW, note=[{"x": "\0"}]), "Expected text without U+0000 - at `$.note[...].x`"),
        ("reviews", with_raw(REVIEW, "title", b'"\\u0000"')[:-1] + b',"title":"b"}', "Expected text without U+0000"),
    ],
)
def test_an_invalid_value_is_refused_with_its_path(topic: str, value: bytes, detail: str) -> None:
    reason, said = said_of(topic, value)
    assert (reason, said[-len(detail) :]) == ("schema", detail)


@pytest.mark.parametrize(
    "value",
    [
        msgspec.json.format(json_of(REVIEW), indent=2),
        msgspec.json.format(json_of(REVIEW), indent=2).replace(b"\n", b"\r\n"),
        b"\t " + json_of(REVIEW) + b"\n",
        json_of(dict(reversed(REVIEW.items()))),
        json_of(REVIEW, note={"a": [1, None]}),
        with_raw(REVIEW, "note", b"1e999"),
        with_raw(REVIEW, "note", b"9" * 400),
        with_raw(REVIEW, "note", b'"\xff"'),
    ],
    ids=[
        "pretty",
        "pretty with carriage returns",
        "padded",
        "another order",
        "an unknown field",
        "an unknown number beyond a double",
        "an unknown number of 400 digits",
        "an unknown field that is not utf-8",
    ],
)
def test_unknown_fields_are_ignored(value: bytes) -> None:
    plain = json_of(REVIEW)
    assert rows_of("reviews", plain, value, plain) == [REVIEW] * 3


@pytest.mark.parametrize(
    ("field", "raw"),
    [
        ("amount_cents", b"7"),
        ("amount_cents", b'"abc"'),
        ("amount_cents", b"1e30"),
        ("lines", b"5"),
        ("lines", b'[{"product_id":4}]'),
        ("carrier", b'{"a":1}'),
        ("position", b"4"),
    ],
)
def test_an_unknown_field_does_not_become_another_events_column(field: str, raw: bytes) -> None:
    plain = json_of(CANCELLED)
    assert rows_of("orders", plain, with_raw(CANCELLED, field, raw), plain) == [CANCELLED] * 3


def test_a_text_that_only_looks_like_u0000_is_kept() -> None:
    (row,) = rows_of("reviews", json_of(REVIEW, title="\\u0000"))
    assert row["title"] == "\\u0000"


AWKWARD = [
    json_of(REVIEW),
    json_of(REVIEW, body="two\nlines"),
    msgspec.json.format(json_of(REVIEW), indent=2),
    json_of(REVIEW) + b"\n",
    b" " + json_of(REVIEW) + b"\r",
    json_of(REVIEW) + json_of(REVIEW),
    json_of(REVIEW) + b"\n" + json_of(REVIEW),
    json_of(REVIEW, body="\0"),
    json_of(REVIEW, body="\\u0000"),
    with_raw(REVIEW, "extra", b'"\xff"'),
    with_raw(REVIEW, "extra", b"[" * 5_000),
    json_of(REVIEW, rating=9),
    b"",
    b"\n",
    b"null",
    None,
]


@pytest.mark.parametrize("nothing", [b"", b" ", b"\t"])
def test_two_events_in_a_value_beside_an_empty_value_are_two_rejections(nothing: bytes) -> None:
    for values in ([json_of(REVIEW) * 2, nothing], [nothing, json_of(REVIEW) * 2]):
        assert [r.position for r in rejections("reviews", values)] == [0, 1]


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.sampled_from(AWKWARD), max_size=12), before=st.integers(0, 300))
def test_rejection_does_not_depend_on_neighbours(values: list[bytes], before: int) -> None:
    together = [json_of(REVIEW)] * before + values

    alone = [(i, r.reason, r.detail) for i, value in enumerate(values) for r in rejections("reviews", [value])]

    found = [(r.position - before, r.reason, r.detail) for r in rejections("reviews", together)]
    assert found == alone
