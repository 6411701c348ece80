"""The reference of the contract: topics, and one page per event with fields, types and an example."""

from __future__ import annotations

import inspect
import json
from typing import Any

from docgen import examples, markdown
from shoplake.contract import TOPICS, Event, Topic, type_name
from shoplake.contract.base import DATA_CLASS
from shoplake.contract.schema import event_schema

FAR = 2**53  # a bound that only says that JSON's numbers are exact
FOLDER = "docs/reference/contract"
INTRODUCTION = """
What travels through Kafka: JSON, one object per record, told apart by `type`. Each topic has one key, so that all
that happens to one entity stays in order. An event that does not fit goes to [dead
letters](../../operations.md#dead-letters) and into no store. Unknown fields are ignored, so a producer may add one
before its readers know it. `shoplake contract export` prints this as JSON Schema, `shoplake contract check` refuses a
change that what is in the log cannot follow.

The column `data` says who may read a field: `personal` fields identify a person or were written freely by one, `public`
fields are what every visitor of the shop sees. All others are internal.

How to add an event or a field: [CONTRIBUTING](../../../CONTRIBUTING.md#add-an-event).
"""


def pages() -> dict[str, str]:
    """The index and a page per event, by path."""
    found = {f"{FOLDER}/index.md": index()}
    for topic in TOPICS.values():
        found |= {f"{FOLDER}/{type_name(event)}.md": event_page(topic, event) for event in topic.events}
    return found


def index() -> str:
    """Each topic with its key and events."""
    sections = []
    for topic in TOPICS.values():
        rows = [(f"[{type_name(e)}]({type_name(e)}.md)", _meaning(e)) for e in topic.events]
        table = markdown.table(("event", "meaning"), rows)
        sections.append(f"## {topic.name}\n\nKeyed by `{topic.key}`.\n\n{table}")
    return markdown.page("The contract", INTRODUCTION, *sections)


def event_page(topic: Topic, event: type[Event]) -> str:
    """One event: fields, an example, and where it belongs."""
    schema = event_schema(event)
    rows = list(_rows(schema))
    example = json.dumps(examples.of(event), indent=2, ensure_ascii=False)
    return markdown.page(
        type_name(event),
        f"{_meaning(event)} Topic [`{topic.name}`](index.md#{topic.name}), keyed by `{topic.key}`.",
        f"## Fields\n\n{markdown.table(('field', 'type', '', 'data', 'meaning'), rows)}",
        f"## Example\n\n{markdown.block(example, 'json')}",
    )


def _rows(schema: dict[str, Any], prefix: str = "") -> list[tuple[str, str, str, str, str]]:
    """A row per field; those of objects in lists follow under their path."""
    found = []
    needed = set(schema.get("required", ()))
    for name, field in schema["properties"].items():
        kinds = [kind for kind in field.get("anyOf", [field]) if kind.get("type") != "null"]
        optional = "needed" if name in needed else "may be left out"
        meaning = field.get("description") or kinds[0].get("description", "")
        data_class = field.get(DATA_CLASS) or kinds[0].get(DATA_CLASS, "")
        types = " or ".join(_type(kind) for kind in kinds)
        found.append((markdown.code(f"{prefix}{name}"), types, optional, data_class, meaning))
        items = kinds[0].get("items", {})
        if "properties" in items:
            found += _rows(items, f"{prefix}{name}[].")
    return found


def _type(kind: dict[str, Any]) -> str:
    """A type in words, such as `text of 1 to 64 characters`."""
    if values := kind.get("enum"):
        return ", ".join(markdown.code(str(value)) for value in values)
    match kind.get("type"):
        case "string" if "pattern" in kind:
            return f"text like `{kind['pattern']}`"
        case "string":
            return "text" + _between(kind.get("minLength"), kind.get("maxLength"), " of {} characters")
        case "integer":
            return "whole number" + _between(kind.get("minimum"), kind.get("maximum"), " {}")
        case "array":
            items = "objects" if kind["items"].get("type") == "object" else f"{_type(kind['items'])}"
            return f"list of {items}" + _between(kind.get("minItems"), kind.get("maxItems"), ", {} of them")
        case "boolean":
            return "true or false"
    return str(kind.get("type", "any"))


def _between(least: int | None, most: int | None, phrase: str) -> str:
    if most is not None and most >= FAR:
        most = None
    if least is None and most is None:
        return ""
    bounds = f"{least:,} to {most:,}" if least and most else f"at most {most:,}" if most else f"from {least:,} on"
    return phrase.format(bounds)


def _meaning(event: type[Event]) -> str:
    return " ".join((inspect.getdoc(event) or "").split())
