"""The contract as one JSON document: per topic its key, per event a JSON Schema. What other programs read, and what a
later contract is compared with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeAlias

import msgspec

from shoplake.contract.base import Event
from shoplake.contract.topics import TOPICS, Topic, type_name

FORMAT = 1
BASELINE = "contract.json"
"""The exported contract that is kept beside this file."""

Schema: TypeAlias = dict[str, Any]


def export(topics: Mapping[str, Topic] = TOPICS) -> Schema:
    """`{"format", "topics": {name: {"key", "events": {type: JSON Schema}}}}`; each schema stands alone."""
    return {
        "format": FORMAT,
        "topics": {
            topic.name: {"key": topic.key, "events": {type_name(e): event_schema(e) for e in topic.events}}
            for topic in topics.values()
        },
    }


def event_schema(event: type[Event]) -> Schema:
    """One event's JSON Schema, with what it refers to written in its place."""
    found = msgspec.json.schema(event)
    schema: Schema = _inlined(found, found["$defs"])
    return schema


def to_text(exported: Schema) -> str:
    """An exported contract as text, the same bytes for the same contract."""
    return msgspec.json.format(msgspec.json.encode(exported), indent=2).decode() + "\n"


@cache
def digest() -> str:
    """Twelve hexadecimal digits that say which contract this is."""
    return hashlib.sha256(to_text(export()).encode()).hexdigest()[:12]


def _inlined(schema: Any, named: Mapping[str, Schema]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(schema, dict):
        if reference := schema.get("$ref"):
            return _inlined(named[reference.removeprefix("#/$defs/")], named)
        return {name: _inlined(value, named) for name, value in schema.items() if name != "$defs"}
    return [_inlined(value, named) for value in schema] if isinstance(schema, list) else schema
