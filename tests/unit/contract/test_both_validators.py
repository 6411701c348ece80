"""The exported JSON Schema and the decoder take the same texts: other programs validate with the first."""

from __future__ import annotations

import copy
import re
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.example_counts import examples

import shopsim
from shoplake.contract import EVENTS, TOPIC_OF, rejections
from shoplake.contract.schema import event_schema
from shopsim.scenario.json_schema import json_schema

from .random_events import CHARACTERS, events_of

REGISTERED = {
    "type": "customer_registered",
    "event_id": "e1",
    "occurred_at_ms": 1_704_067_200_000,
    "customer_id": "c1",
    "name": "Ada",
    "email": "ada@example.org",
    "segment": "regular",
    "street": "1 Mill Lane",
    "postcode": "AB1",
    "city": "Leeds",
    "country": "GB",
    "currency": "GBP",
    "marketing_opt_in": True,
}
SCHEMAS = {name: jsonschema.Draft202012Validator(event_schema(event)) for name, event in EVENTS.items()}
TEXTS = {
    name: [field for field, kind in event_schema(event)["properties"].items() if "string" in str(kind)]
    for name, event in EVENTS.items()
}
# What validators differ about: ends of lines, what counts as a letter or digit, how long a text is.
ENDS = st.sampled_from(
    ["", "\n", "\r", "\r\n", "\n\n", "\u2028", "\u2029", "\x85", "\x0b", " ", "\x1f", "A", "É", "Ａ"]
)
ODD = st.one_of(
    st.tuples(ENDS, st.sampled_from(["EUR", "DE", "D", "eur", "A" * 63, "A" * 64, "😀" * 63, "😀" * 64]), ENDS).map(
        "".join
    ),
    st.text(CHARACTERS, max_size=5),
    st.sampled_from(["", "x" * 2000, "x" * 2001, "😀" * 2000, "😀" * 2001]),
)


@pytest.mark.parametrize("event_type", EVENTS)
@settings(max_examples=examples(5, 15), deadline=None)
@given(data=st.data())
def test_the_schema_and_the_decoder_accept_the_same_texts(event_type: str, data: st.DataObject) -> None:
    event: dict[str, Any] = msgspec.to_builtins(data.draw(events_of(EVENTS[event_type])))
    event[data.draw(st.sampled_from(TEXTS[event_type]))] = data.draw(ODD)

    refused = rejections(TOPIC_OF[event_type].name, [msgspec.json.encode(event)])

    assert SCHEMAS[event_type].is_valid(event) == (not refused)


@pytest.mark.parametrize("end", ["\n", "\r", "\u2028", " "])
@pytest.mark.parametrize(("field", "value"), [("currency", "EUR"), ("country", "DE")])
def test_a_code_with_a_suffix_is_invalid(field: str, value: str, end: str) -> None:
    event = REGISTERED
    assert rejections("customers", [msgspec.json.encode(event | {field: value})]) == []
    (found,) = rejections("customers", [msgspec.json.encode(event | {field: value + end})])
    assert found.reason == "schema"


def test_no_pattern_ends_in_a_dollar_alone() -> None:
    """In Python `$` matches before a line feed too; a fixed length or a look-ahead makes the end an end."""
    open_ended = [
        kind
        for schema in (*map(event_schema, EVENTS.values()), json_schema())
        for kind in _strings(schema)
        if re.search(r"\$\Z", str(kind["pattern"])) and kind.get("minLength") != kind.get("maxLength", -1)
    ]
    assert open_ended == []


def _strings(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for each in schema for found in _strings(each)]
    if not isinstance(schema, dict):
        return []
    return ([schema] if "pattern" in schema else []) + _strings(list(schema.values()))


# As a file gives it: lists and texts, no tuples and dates.
SCENARIO = msgspec.json.decode(msgspec.json.encode(shopsim.load_scenario("demo").to_dict()))
SCENARIO_SCHEMA = jsonschema.Draft202012Validator(json_schema())


@settings(max_examples=examples(25, 60), deadline=None)
@given(
    where=st.sampled_from(["name", "currency", "currencies"]),
    start=st.sampled_from(["", "a", "shop-1", "EUR"]),
    end=ENDS,
)
def test_the_scenario_schema_and_the_loader_accept_the_same_names(where: str, start: str, end: str) -> None:
    definition = copy.deepcopy(SCENARIO)
    definition[where] = {start + end: 1.5} if where == "currencies" else start + end
    try:
        shopsim.scenario_from_dict(definition)
        refused = ""
    except shopsim.ScenarioError as error:
        refused = str(error)
    valid = SCENARIO_SCHEMA.is_valid(definition)
    assert valid == (not refused) or (valid and "currenc" in refused and "match" not in refused)
