"""Checks of the lake's tables that the contract already says: required fields, enums, bounds and patterns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from shoplake.contract import TOPICS, Topic
from shoplake.contract.schema import event_schema
from shoplake.contract.topics import type_name
from shoplake.quality.rules.declaration import (
    Check,
    Completeness,
    Declared,
    Pattern,
    Range,
    SetMembership,
    Sql,
    Uniqueness,
    default_name,
)

WHAT_TO_DO = (
    "The contract refuses such an event, so the row did not come from the log. `shoplake verify --stores lake` names"
    " the rows, `shoplake rebuild lake` fills the lake again."
)
PLACE = ("kafka_partition", "kafka_offset")
_KIND = {
    Completeness: "completeness",
    Uniqueness: "uniqueness",
    Range: "range",
    SetMembership: "set_membership",
    Pattern: "pattern",
    Sql: "sql",
}


def of_contract(topics: Mapping[str, Topic] = TOPICS) -> list[Check]:
    """The checks of all tables of the lake; their names say the field, and the events if only some have the rule."""
    return [check for topic in topics.values() for check in _of_topic(topic)]


def _of_topic(topic: Topic) -> Iterator[Check]:
    dataset = f"lake.{topic.name}"
    types = tuple(type_name(event) for event in topic.events)
    yield _check(dataset, Uniqueness(columns=PLACE, what_to_do=WHAT_TO_DO))
    yield _check(dataset, SetMembership(column="type", values=types, what_to_do=WHAT_TO_DO))
    held: dict[bytes, tuple[str, str, Any, list[str]]] = {}
    for event in topic.events:
        schema = event_schema(event)
        for field, kind, rule in _rules(schema):
            identity = msgspec.json.encode((field, kind, rule))
            held.setdefault(identity, (field, kind, rule, []))[3].append(type_name(event))
    for field, kind, rule, of in held.values():
        where = "" if len(of) == len(types) else f"type IN ({', '.join(repr(one) for one in of)})"
        shared = sum(1 for other, same, *_ in held.values() if (other, same) == (field, kind)) > 1
        yield _check(dataset, _declared(field, kind, rule, where), of if shared else ())


def _check(dataset: str, rule: Declared, of: Sequence[str] = ()) -> Check:
    name = rule.name or default_name(_KIND[type(rule)], rule)
    return Check(dataset, f"{name} of {', '.join(of)}" if of else name, rule, "", "contract")


def _rules(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(field, kind, rule) of an event's JSON Schema; `type` is checked for the whole topic."""
    required = set(schema.get("required", ()))
    for field, described in schema["properties"].items():
        if field == "type":
            continue
        if field in required:
            yield field, "required", True
        for kind, rule in _constraints(described):
            yield field, kind, rule


def _constraints(described: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(kind, rule) of a value; `X | null` has the rules of X."""
    branches = [one for one in described.get("anyOf", ()) if one.get("type") != "null"]
    if len(branches) == 1:
        described = branches[0]
    if "enum" in described:
        yield "enum", described["enum"]
    if "minimum" in described or "maximum" in described:
        yield "bounds", (described.get("minimum"), described.get("maximum"))
    if "pattern" in described:
        yield "pattern", described["pattern"]
    elif "minLength" in described or "maxLength" in described:
        yield "length", (described.get("minLength", 0), described.get("maxLength"))
    if described.get("type") == "array":
        yield "items", (described.get("minItems", 0), described.get("maxItems"))
        for inner, of_inner in described.get("items", {}).get("properties", {}).items():
            for kind, rule in _constraints(of_inner):
                if kind == "bounds":
                    yield f"bounds of {inner}", (inner, *rule)


def _declared(field: str, kind: str, rule: Any, where: str) -> Declared:  # noqa: ANN401 - of JSON
    column = '"' + field + '"'
    common: dict[str, Any] = {"where": where, "what_to_do": WHAT_TO_DO}
    match kind:
        case "required":
            return Completeness(columns=(field,), **common)
        case "enum":
            return SetMembership(column=field, values=tuple(rule), **common)
        case "bounds":
            return Range(column=field, min=rule[0], max=rule[1], **common)
        case "pattern":
            return Pattern(column=field, pattern=rule.removeprefix("^").removesuffix("$"), **common)
        case "length":
            return _sql(f"length({field})", _between(f"length({column})", *rule), common)
        case "items":
            return _sql(f"items({field})", _between(f"len({column})", *rule), common)
        case _:
            inner, least, most = rule
            one = f'element."{inner}"'
            wrong = [f"{one} < {least}"] if least is not None else []
            wrong += [f"{one} > {most}"] if most is not None else []
            expression = f"len(list_filter({column}, LAMBDA element: {' OR '.join(wrong)})) = 0"
            return _sql(f"range({field}[].{inner})", expression, common)


def _sql(name: str, expression: str, common: Mapping[str, Any]) -> Sql:
    return Sql(name=name, expression=expression, **common)


def _between(value: str, least: int | None, most: int | None) -> str:
    return f"{value} >= {least or 0}" + (f" AND {value} <= {most}" if most is not None else "")
