"""Check whether a contract is backward compatible with an older one. Pure: no input or output.

The log is kept for ever and stores are rebuilt from it. So the rule is: the newer contract accepts every event that the
older one accepted, with the same column values, in types that the stores can hold.

Consumers are upgraded first: all sinks run a compatible contract before a producer uses its new fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shoplake.contract.schema import DOCUMENTATION, FORMAT, Schema

ENVELOPE = ("type", "event_id", "occurred_at_ms")
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two contracts.

    Attributes:
        kind: the kind of change, e.g. `required field added`.
        where: topic, event and field: `orders.order_placed.lines[].quantity`.
        compatible: whether the change is backward compatible.
        detail: the old and the new value.
        fix: for a refused change, what to do instead.
    """

    kind: str
    where: str
    compatible: bool
    detail: str = ""
    fix: str = ""

    def __str__(self) -> str:
        verdict = "ok     " if self.compatible else "refused"
        fix = f"\n        what to do: {self.fix}" if self.fix else ""
        return f"{verdict} {self.where}: {self.kind}{f': {self.detail}' if self.detail else ''}{fix}"


def compare(older: Schema, newer: Schema) -> list[Change]:
    """List all differences in meaning, in the order of the contract. Both arguments are results of `export`."""
    changes = [*_topics(older["topics"], newer["topics"]), *_columns(newer["topics"])]
    if older["format"] != FORMAT or newer["format"] != FORMAT:
        found = f"expected format {FORMAT}, found {older['format']} and {newer['format']}"
        changes.insert(0, _refused("format changed", "contract", found, "export both with the same release"))
    return changes


def _ok(kind: str, where: str, detail: str = "") -> Change:
    return Change(kind, where, compatible=True, detail=detail)


def _refused(kind: str, where: str, detail: str, fix: str) -> Change:
    return Change(kind, where, compatible=False, detail=detail, fix=fix)


def _topics(older: Schema, newer: Schema) -> Iterator[Change]:
    new_topic = {event: name for name, topic in newer.items() for event in topic["events"]}
    old_topic = {event: name for name, topic in older.items() for event in topic["events"]}
    for name, topic in older.items():
        if name not in newer:
            yield _refused("topic removed", name, "", "keep the topic: stores are rebuilt from its events")
        elif topic["key"] != newer[name]["key"]:
            yield _refused(
                "key changed",
                name,
                f"{topic['key']} → {newer[name]['key']}",
                "make a new topic with the new key: events of one entity would be in two partitions, out of order",
            )
        for event, schema in topic["events"].items():
            where = f"{name}.{event}"
            if event not in new_topic:
                if name not in newer:
                    continue  # reported as a removed topic
                yield _refused(
                    "event removed", where, "", "keep the event and stop publishing it: the log has such events"
                )
            elif new_topic[event] != name:
                yield _refused(
                    "topic changed",
                    where,
                    f"{name} → {new_topic[event]}",
                    "give the event a new name in the new topic: the events in the log stay in the old one",
                )
            else:
                yield from _fields(schema, newer[name]["events"][event], where)
                yield from _nulls(schema, newer[name]["events"][event], {*ENVELOPE, topic["key"]}, where)
    for name, topic in newer.items():
        if name not in older:
            yield _ok("topic added", name)
        for event in topic["events"]:
            if event not in old_topic:
                yield _ok("event added", f"{name}.{event}")


def _fields(older: Schema, newer: Schema, where: str) -> Iterator[Change]:
    was, now = older["properties"], newer["properties"]
    needed_before, needed = set(older.get("required", ())), set(newer.get("required", ()))
    removed, added = [n for n in was if n not in now], [n for n in now if n not in was]
    nested = "[]" in where
    for name in removed:
        same_type = [other for other in added if _meaning(now[other]) == _meaning(was[name])]
        if len(same_type) == 1 and sum(_meaning(was[n]) == _meaning(was[name]) for n in removed) == 1:
            added.remove(same_type[0])
            yield _refused(
                "field renamed",
                f"{where}.{name}",
                f"{name} → {same_type[0]}",
                "keep the old name, or add the new field as optional and fill both: events in the log have the old one",
            )
        else:
            yield _refused(
                "field removed",
                f"{where}.{name}",
                "",
                "keep it as an optional field (`| None = None`): the log and the stores have its values",
            )
    for name in added:
        yield _added(name, now[name], name in needed, f"{where}.{name}", nested)
    for name in was:
        if name in now:
            at = f"{where}.{name}"
            if name in needed - needed_before:
                yield _refused(
                    "field made required", at, "", "leave it optional: events in the log, and some producers, lack it"
                )
            elif name in needed_before - needed:
                yield _ok("field made optional", at)
            yield from _defaults(was[name], now[name], name in needed or name in needed_before, at)
            yield from _values(was[name], now[name], at)


def _nulls(older: Schema, newer: Schema, mandatory: set[str], where: str) -> Iterator[Change]:
    """Refuse to make mandatory fields optional: the key, the event id and the event time."""
    for name in sorted(mandatory & set(older["properties"]) & set(newer["properties"])):
        optional_now = name not in newer.get("required", ()) or _split(newer["properties"][name]).nullable
        optional_before = name not in older.get("required", ()) or _split(older["properties"][name]).nullable
        if optional_now and not optional_before:
            yield _refused("key made optional", f"{where}.{name}", "", "leave it required: every event needs it")


def _added(name: str, schema: Schema, required: bool, where: str, nested: bool) -> Change:
    if required:
        return _refused(
            "required field added",
            where,
            "",
            f"make it optional (`{name}: … | None = None`): events in the log lack it",
        )
    if schema.get("default") is not None:
        return _refused(
            "optional field added with a default",
            where,
            f"default {schema['default']!r}",
            "make the default None: every store reads a missing field as null",
        )
    if nested:
        return _refused(
            "optional field added in a list",
            where,
            "",
            "add it to the event itself: the stores create the columns for list elements once",
        )
    return _ok("optional field added", where)


def _defaults(older: Schema, newer: Schema, required: bool, where: str) -> Iterator[Change]:
    before, after = older.get("default"), newer.get("default")
    if before != after and not (required and after is None):
        yield _refused(
            "default changed",
            where,
            f"{before!r} → {after!r}",
            "leave the default at None: another default would change the meaning of past events without the field",
        )


def _values(older: Schema, newer: Schema, where: str) -> Iterator[Change]:
    """Compare the types of one field, and whether it may be null."""
    before, after = _split(older), _split(newer)
    if before.nullable and not after.nullable:
        yield _refused("type narrowed", where, "null is no longer allowed", "allow null: the log may hold it")
    if after.nullable and not before.nullable:
        yield _ok("type widened", where, "null is allowed")
    if before.kind == "enum" and after.kind == "string":
        yield _enum_to_text(before.schema["enum"], after.schema, where)
        return
    if before.kind == "string" and after.kind == "enum":
        yield _refused("type narrowed", where, "any text → some texts", "leave it: the log may hold other texts")
        return
    if before.kind != after.kind:
        yield _refused(
            "type changed",
            where,
            f"{before.kind} → {after.kind}",
            "add a field of the new type under a new name: the columns in the stores keep their type",
        )
        return
    if before.kind == "object":
        yield from _fields(before.schema, after.schema, where)
    elif before.kind == "array":
        yield from _bounds(before.schema, after.schema, where)
        yield from _values(before.schema["items"], after.schema["items"], f"{where}[]")
    elif before.kind == "enum":
        yield from _enum(before.schema["enum"], after.schema["enum"], where)
    else:
        yield from _bounds(before.schema, after.schema, where)


def _enum(before: list[Any], after: list[Any], where: str) -> Iterator[Change]:
    for value in before:
        if value not in after:
            yield _refused("enum value removed", where, repr(value), "keep it: events in the log have it")
    for value in after:
        if value not in before:
            yield _ok("enum value added", where, repr(value))


def _enum_to_text(values: list[Any], text: Schema, where: str) -> Change:
    """Compare an enum with the text type that replaces it, which has to accept every value of the enum."""
    for value in values:
        fits = text.get("minLength", 0) <= len(value) <= text.get("maxLength", len(value))
        if not fits or not re.search(text.get("pattern", ""), value):
            return _refused("type narrowed", where, f"{value!r} is no longer allowed", "allow it: the log may hold it")
    return _ok("type widened", where, "some texts → any text")


_LOWER = {"minimum", "minLength", "minItems", "exclusiveMinimum"}
_UPPER = {"maximum", "maxLength", "maxItems", "exclusiveMaximum"}


def _bounds(older: Schema, newer: Schema, where: str) -> Iterator[Change]:
    for name in sorted(_LOWER | _UPPER):
        before, after = older.get(name), newer.get(name)
        if before == after:
            continue
        detail = f"{name} {_or_none(before)} → {_or_none(after)}"
        if after is None or (before is not None and (after < before if name in _LOWER else after > before)):
            yield _widened(newer, where, detail)
        else:
            yield _refused(
                "type narrowed", where, detail, "leave the old bound: events in the log may exceed the new one"
            )
    if older.get("pattern") != newer.get("pattern"):
        detail = f"pattern {_or_none(older.get('pattern'))} → {_or_none(newer.get('pattern'))}"
        if newer.get("pattern") is None:
            yield _ok("type widened", where, detail)
        else:
            yield _refused(
                "type narrowed",
                where,
                detail,
                "remove the pattern or leave it: a new one may accept less than the old",
            )


def _widened(newer: Schema, where: str, detail: str) -> Change:
    if newer.get("type") == "integer" and not (
        newer.get("minimum", INT64_MIN - 1) >= INT64_MIN and newer.get("maximum", INT64_MAX + 1) <= INT64_MAX
    ):
        return _refused("type widened", where, detail, "stay within 64 bits and state both bounds: no store holds more")
    return _ok("type widened", where, detail)


def _columns(topics: Schema) -> Iterator[Change]:
    """Refuse two types for one field name in a topic: the topic's table has one column per name."""
    for name, topic in topics.items():
        kinds: dict[str, tuple[str, str]] = {}
        for event, schema in topic["events"].items():
            for field, value in schema["properties"].items():
                kind = "string" if field == "type" else _column(value)
                other, known = kinds.setdefault(field, (event, kind))
                if known != kind:
                    yield _refused(
                        "column of two types",
                        f"{name}.{event}.{field}",
                        f"{kind}, and {known} in {other}",
                        "choose another field name: the topic's table has one column of that name",
                    )


def _column(schema: Schema) -> str:
    found = _split(schema)
    if found.kind == "array":
        return f"list of {_column(found.schema['items'])}"
    if found.kind == "object":
        return f"struct of {sorted((n, _column(s)) for n, s in found.schema['properties'].items())}"
    return "string" if found.kind == "enum" else found.kind


@dataclass(frozen=True, slots=True)
class _Held:
    schema: Schema
    nullable: bool

    @property
    def kind(self) -> str:
        return "enum" if "enum" in self.schema else str(self.schema.get("type", "any"))


def _split(schema: Schema) -> _Held:
    choices = schema.get("anyOf")
    if choices is None:
        if isinstance(schema.get("enum"), list) and None in schema["enum"]:
            return _Held({**schema, "enum": [v for v in schema["enum"] if v is not None]}, nullable=True)
        return _Held(schema, nullable=False)
    present = [choice for choice in choices if choice.get("type") != "null"]
    return _Held(present[0] if len(present) == 1 else {"type": "union", "anyOf": present}, len(present) < len(choices))


def _meaning(schema: Mapping[str, Any]) -> Schema:
    return {name: value for name, value in schema.items() if name not in DOCUMENTATION}


def _or_none(value: object) -> str:
    return "none" if value is None else str(value)
