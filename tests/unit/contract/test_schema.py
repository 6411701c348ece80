"""The contract as a document: what it says is what the decoder does."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from shoplake.contract import EVENTS, TOPICS, digest, export
from shoplake.contract.schema import Schema, to_text

from .random_events import events_of, fields_of


def test_every_topic_and_event_is_in_it_with_its_key() -> None:
    topics = export()["topics"]
    assert {name: topic["key"] for name, topic in topics.items()} == {t.name: t.key for t in TOPICS.values()}
    assert {event for topic in topics.values() for event in topic["events"]} == set(EVENTS)


def test_each_schema_stands_alone() -> None:
    assert "$ref" not in to_text(export())
    assert "$defs" not in to_text(export())
    lines = export()["topics"]["orders"]["events"]["order_placed"]["properties"]["lines"]
    assert lines["items"]["properties"]["quantity"] == {"type": "integer", "minimum": 1, "maximum": 1_000_000}


def test_text_and_digest_are_the_same_for_the_same_contract() -> None:
    assert to_text(export()) == to_text(json.loads(to_text(export())))
    assert digest() == digest()
    assert len(digest()) == 12


@given(st.data())
def test_an_event_of_the_contract_fits_its_schema(data: st.DataObject) -> None:
    event_type = data.draw(st.sampled_from(sorted(EVENTS)))
    event = data.draw(events_of(EVENTS[event_type]))
    (schema,) = (t["events"][event_type] for t in export()["topics"].values() if event_type in t["events"])
    assert fits({"type": event_type} | fields_of(event), schema)


def fits(value: object, schema: Schema) -> bool:
    """As much of JSON Schema as the contract uses."""
    if "anyOf" in schema:
        return any(fits(value, choice) for choice in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    match schema["type"]:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            low, high = schema.get("minimum", value), schema.get("maximum", value)
            return isinstance(value, int) and low <= value <= high
        case "string":
            return isinstance(value, str) and schema.get("minLength", 0) <= len(value) <= schema.get(
                "maxLength", len(value)
            )
        case "array":
            return isinstance(value, list) and all(fits(item, schema["items"]) for item in value)
        case "object":
            if not isinstance(value, dict):
                return False
            known = all(fits(value[name], kind) for name, kind in schema["properties"].items() if name in value)
            return known and set(schema["required"]) <= set(value)
    raise AssertionError(f"the contract uses {schema}, and this does not know it")
