"""The contract as one JSON document: per topic its key, per event a JSON Schema. What other programs read, and what a
later contract is compared with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from shoplake.contract.base import Event
from shoplake.contract.topics import TOPICS, Topic, type_name

FORMAT = 1
BASELINE = "contract.json"
"""The exported contract that is kept beside this file."""

Schema: TypeAlias = dict[str, Any]


def export(topics: Mapping[str, Topic] = TOPICS, version: int | None = None) -> Schema:
    """`{"format", "version", "topics": {name: {"key", "events": {type: JSON Schema}}}}`; each schema stands alone.

    Args:
        topics: this program's.
        version: the contract's number; that of the accepted one by default.
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
    """One event's JSON Schema, with what it refers to written in its place."""
    found = msgspec.json.schema(event)
    schema: Schema = _inlined(found, found["$defs"])
    return schema


def to_text(exported: Schema) -> str:
    """An exported contract as text, the same bytes for the same contract."""
    return msgspec.json.format(msgspec.json.encode(exported), indent=2).decode() + "\n"


@cache
def own_version() -> int:
    """The number of the contract that this program was released with: `shoplake contract accept` raises it."""
    accepted: Schema = msgspec.json.decode(Path(__file__).with_name(BASELINE).read_bytes())
    return int(accepted["version"])


@cache
def digest() -> str:
    """Twelve hexadecimal digits that say what this program's contract means."""
    return digest_of(export())


def digest_of(exported: Schema) -> str:
    """The same for an exported contract. Its number, and what only explains (titles, descriptions), do not count."""
    meaning = {"format": exported.get("format"), "topics": _bare(exported.get("topics"))}
    return hashlib.sha256(msgspec.json.encode(meaning, order="sorted")).hexdigest()[:12]


def _bare(schema: Any, named: bool = False) -> Any:  # noqa: ANN401 - any JSON
    """Without what explains; in an object of properties each name is a field, also one that is called `title`."""
    if isinstance(schema, list):
        return [_bare(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _bare(value, named=name in ("properties", "events") and not named)
        for name, value in schema.items()
        if named or name not in ("title", "description")
    }


def _inlined(schema: Any, named: Mapping[str, Schema]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(schema, dict):
        if reference := schema.get("$ref"):
            return _inlined(named[reference.removeprefix("#/$defs/")], named)
        return {name: _inlined(value, named) for name, value in schema.items() if name != "$defs"}
    return [_inlined(value, named) for value in schema] if isinstance(schema, list) else schema
