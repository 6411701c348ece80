"""A value becomes what the decoder understood, whatever its neighbours; of values as other writers write them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.example_counts import examples

from shoplake.contract import TOPICS, decode, decode_one
from shoplake.contract.duplicate_names import repeated_name

CAPTURED = {
    "type": "payment_captured",
    "event_id": "e1",
    "occurred_at_ms": 1_704_067_200_000,
    "order_id": "o1",
    "customer_id": "c1",
    "payment_id": "y1",
    "amount_cents": 5,
    "currency": "EUR",
}
LINE = {"product_id": "p1", "quantity": 1, "unit_price_cents": 5}
PLACED = CAPTURED | {"type": "order_placed", "session_id": "s1", "lines": [LINE]}
PLACED |= dict.fromkeys(("subtotal_cents", "discount_cents", "shipping_cents", "tax_cents", "total_cents"), 5)
del PLACED["payment_id"], PLACED["amount_cents"]

# Texts of JSON: numbers as writers write them, escapes, halves of surrogate pairs, what is no JSON at all.
LITERALS = [
    *(
        "1.0",
        "1e0",
        "10e-1",
        "-0",
        "0.1e1",
        "9007199254740993",
        "1000000000000",
        "1e400",
        "NaN",
        "18446744073709551616",
    ),
    *(
        "null",
        "true",
        "01",
        '"5"',
        '"EUR"',
        '"\\u0045UR"',
        '"EUR\\n"',
        '"\\ud800"',
        '"\\udc00\\ud800"',
        '"\\ud83d\\ude00"',
    ),
    *(
        '"\\u001f"',
        '"\\u001F"',
        '"\\u0000"',
        '"a\\\\u0000"',
        '"\\/"',
        '"\\u2028"',
        '"\x7f"',
        '"a\\":b"',
        '"a : b"',
        '"é"',
    ),
    *("{}", "[]", '{"a":{"b":[1,"x",null]}}', '{"a":1,"a":2}', '[{"a":1,"\\u0061":2}]', "[" * 60 + "]" * 60, "tru", ""),
    '[{"product_id":"p","quantity":1,"unit_price_cents":1,"quantity":2}]',
    '[{"product_id":"p","quantity":1,"unit_price_cents":1}]',
]
NAMES = [
    '"amount_cents"',
    '"amount\\u005fcents"',
    '"currency"',
    '"c\\u0075rrency"',
    '"type"',
    '"typ\\u0065"',
    '"lines"',
]
NAMES += ['"extra"', '"reason"', '"position"', '"\\ud800"', '"a\\"b"', '"payment_id"', '""']
SPACES = ["", " ", "\n", "\t", "\r\n"]


def members_of(event: dict[str, Any]) -> list[tuple[str, str]]:
    return [(json.dumps(name), json.dumps(value)) for name, value in event.items()]


@st.composite
def values(draw: st.DrawFn) -> bytes:
    """An event of which some members are dropped, changed, added or doubled, between white space of all kinds."""
    members = members_of(draw(st.sampled_from([CAPTURED, CAPTURED, PLACED])))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(members) - 1))
        change = draw(st.sampled_from(["value", "add", "double", "drop", "swap"]))
        if change == "value":
            members[place] = members[place][0], draw(st.sampled_from(LITERALS))
        elif change == "add":
            members.insert(place, (draw(st.sampled_from(NAMES)), draw(st.sampled_from(LITERALS))))
        elif change == "double":
            members.append((members[place][0], draw(st.sampled_from([members[place][1], *LITERALS]))))
        elif change == "drop" and len(members) > 1:
            del members[place]
        else:
            members.append(members.pop(place))
    before, after = draw(st.sampled_from(SPACES)), draw(st.sampled_from(SPACES))
    text = "{" + f"{after},".join(f"{name}{before}:{after}{value}" for name, value in members) + "}"
    edge = draw(st.sampled_from(["", "", "", " ", "\n", "\ufeff", "x", text]))
    return (text + edge).encode()


def outcome(value: bytes) -> Any:
    """What one value becomes alone: its row, or the reason for which it is refused."""
    decoded = decode("orders", [value])
    return decoded.rejected[0].reason if decoded.rejected else decoded.events.drop("position").rows()[0]


def doubled(value: bytes) -> bool:
    """Whether a name stands twice, as Python's own reader sees it."""
    found = []

    def pairs(members: list[tuple[str, Any]]) -> None:
        found.append(len({name for name, _ in members}) < len(members))

    json.loads(value, object_pairs_hook=pairs)
    return any(found)


@settings(max_examples=examples(60, 200), deadline=None)
@given(value=values())
def test_a_decoded_row_equals_the_event_and_has_no_duplicate_name(value: bytes) -> None:
    row = outcome(value)
    if not isinstance(row, str):
        understood = msgspec.json.encode(decode_one("orders", value))
        assert row == pl.read_ndjson(understood, schema=TOPICS["orders"].columns).rows()[0]
        assert not doubled(value)


@settings(max_examples=examples(25, 80), deadline=None)
@given(drawn=st.lists(values(), min_size=2, max_size=8), sound=st.sampled_from([0, 1, 140]))
def test_a_value_is_decoded_the_same_beside_other_values(drawn: list[bytes], sound: int) -> None:
    together = [json.dumps(CAPTURED).encode()] * sound + drawn
    decoded = decode("orders", together)
    found = {r.position: r.reason for r in decoded.rejected}
    found |= dict(zip(decoded.events["position"], decoded.events.drop("position").rows(), strict=True))
    assert [found[sound + n] for n in range(len(drawn))] == [outcome(value) for value in drawn]


TWICE = [
    b'{"":1,"":1}',
    b'{"a":1,"a":1}',
    b'{"a":1,"\\u0061":1}',
    b'{"a" : 1, "b": 2, "a"\t:\n1}',
    b'{"x":[{"y":{"a":1,"a":2}}]}',
    b'{"a":"}","b":{},"a":1}',
    b'{"\\ud800":1,"\\ud800":2}',
]


@pytest.mark.parametrize("value", TWICE)
def test_a_duplicate_name_is_found(value: bytes) -> None:
    assert repeated_name(value) is not None


@pytest.mark.parametrize(
    "value",
    [b"{}", b'{"a":{"a":{"a":1}}}', b'[{"a":1},{"a":1}]', b'{"a":"\\"a\\":1,\\"a\\":","b":"a"}', b'{"A":1,"a":2}'],
)
def test_the_same_name_in_other_objects_is_not_a_duplicate(value: bytes) -> None:
    assert repeated_name(value) is None


@pytest.mark.parametrize(
    "second",
    ['"amount_cents":7', '"amount_cents" : 7', '"amount\\u005fcents":7', '"amount_cents"\t:5', '"x":{"a":1,"a":1}'],
)
@pytest.mark.parametrize("dropped", ["", "currency"])
def test_an_event_with_a_duplicate_name_is_refused(second: str, dropped: str) -> None:
    event = {name: value for name, value in CAPTURED.items() if name != dropped}
    value = json.dumps(event, separators=(",", ":"))[:-1] + "," + second + "}"
    (found,) = decode("orders", [json.dumps(CAPTURED).encode(), value.encode()]).rejected
    assert (found.position, found.reason) == (1, "schema")
    assert "Expected each name once in an object" in found.detail
