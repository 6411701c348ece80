"""Export the contract as one JSON document: the key of each topic, and a JSON Schema of each event.

Other programs read it, and a later contract is compared with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from shoplake.contract.base import DATA_CLASS, Event
from shoplake.contract.topics import TOPICS, Topic, type_name

FORMAT = 1
BASELINE = "contract.json"
"""File name of the accepted contract, in the folder of this module."""

Schema: TypeAlias = dict[str, Any]

DOCUMENTATION = ("title", "description", DATA_CLASS)
"""Keywords of a schema that change no event."""


def export(topics: Mapping[str, Topic] = TOPICS, version: int | None = None) -> Schema:
    """Export as `{"format", "version", "topics": {name: {"key", "events": {type: JSON Schema}}}}`, without references.

    Args:
        topics: the topics to export; by default this program's.
        version: the version number; by default that of the accepted contract.
    """
    return {
        "format": FORMAT,
        "version": own_version() if version is None else version,
        "topics": {
            topic.name: {"key": topic.key, "events": {type_name(e): event_schema(e) for e in topic.events}}
            for topic in topics.values()
        },
    }


def event_schema(event: type[Event]) -> Schema:
    """The JSON Schema of one event, with all references resolved inline."""
    found = msgspec.json.schema(event)
    schema: Schema = _inlined(found, found["$defs"])
    return schema


def to_text(exported: Schema) -> str:
    """Format an exported contract as text: the same contract always gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(exported), indent=2).decode() + "\n"


@cache
def own_version() -> int:
    """The version number of this program's contract; `shoplake contract accept` raises it."""
    accepted: Schema = msgspec.json.decode(Path(__file__).with_name(BASELINE).read_bytes())
    return int(accepted["version"])


@cache
def digest() -> str:
    """Digest of the meaning of this program's contract: twelve hexadecimal digits."""
    return digest_of(export())


def digest_of(exported: Schema) -> str:
    """Digest of the meaning of an exported contract. The version number and `DOCUMENTATION` do not count."""
    meaning = {"format": exported.get("format"), "topics": _without_documentation(exported.get("topics"))}
    return hashlib.sha256(msgspec.json.encode(meaning, order="sorted")).hexdigest()[:12]


def fields(schema: Mapping[str, Any]) -> Iterator[tuple[str, Schema]]:
    """Each field of an object by its path. Those of objects in a list follow the list: `lines[].quantity`."""
    for name, field in schema.get("properties", {}).items():
        yield name, field
        for inner, of_inner in fields(not_null(field).get("items", {})):
            yield f"{name}[].{inner}", of_inner


def not_null(schema: Mapping[str, Any]) -> Schema:
    """The schema of a value that is not null; of several such schemas the first."""
    return next(dict(choice) for choice in schema.get("anyOf", [schema]) if choice.get("type") != "null")


def _without_documentation(schema: Any, named: bool = False) -> Any:  # noqa: ANN401 - any JSON
    """Remove `DOCUMENTATION`. Inside `properties` each name is a field, even one that is called `title`."""
    if isinstance(schema, list):
        return [_without_documentation(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _without_documentation(value, named=name in ("properties", "events") and not named)
        for name, value in schema.items()
        if named or name not in DOCUMENTATION
    }


def _inlined(schema: Any, named: Mapping[str, Schema]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(schema, dict):
        if reference := schema.get("$ref"):
            return _inlined(named[reference.removeprefix("#/$defs/")], named)
        return {name: _inlined(value, named) for name, value in schema.items() if name != "$defs"}
    return [_inlined(value, named) for value in schema] if isinstance(schema, list) else schema
