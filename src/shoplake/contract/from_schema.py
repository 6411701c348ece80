"""Build the event structs of another contract version from its exported schema. Pure: no input or output.

This program then accepts exactly the events that are valid under that version.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, cast

import msgspec

from shoplake.contract.base import Event
from shoplake.contract.schema import DOCUMENTATION, FORMAT, Schema
from shoplake.contract.topics import Topic

_TEXT = {"minLength": "min_length", "maxLength": "max_length", "pattern": "pattern"}
_NUMBER = {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"}
_LIST = {"minItems": "min_length", "maxItems": "max_length"}
_BOUNDS: Mapping[str, Mapping[str, str]] = {"string": _TEXT, "integer": _NUMBER, "number": _NUMBER, "array": _LIST}
_SIMPLE: Mapping[str, Any] = {"string": str, "integer": int, "number": float, "boolean": bool, "null": type(None)}
_NO_RULE = {*DOCUMENTATION, "type", "default"}


class UnknownSchemaError(ValueError):
    """The exported contract uses a feature that this program does not support, so it cannot validate events."""


def topics_of(exported: Schema) -> dict[str, Topic]:
    """Build the topics of an exported contract, with structs that decode its events.

    Raises:
        UnknownSchemaError: the format is another one, or the schema uses an unsupported feature.
    """
    if exported.get("format") != FORMAT:
        raise UnknownSchemaError(f"expected format {FORMAT}, found {exported.get('format')!r}")
    return {
        name: Topic(name, topic["key"], tuple(_event(tag, schema) for tag, schema in topic["events"].items()))
        for name, topic in exported["topics"].items()
    }


def _event(tag: str, schema: Schema) -> type[Event]:
    made = msgspec.defstruct(
        tag, _fields(schema, tag, without="type"), kw_only=True, frozen=True, tag_field="type", tag=tag
    )
    return cast("type[Event]", made)  # it has the fields of Event, but does not inherit from it


def _fields(schema: Schema, where: str, without: str = "") -> list[tuple[str, Any] | tuple[str, Any, Any]]:
    _refuse_unknown(schema, {"properties", "required"}, where)
    required = set(schema.get("required", ()))
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for name, value in schema["properties"].items():
        if name == without:
            continue
        kind = _type(value, f"{where}.{name}")
        fields.append((name, kind) if name in required else (name, kind, value.get("default")))
    return fields


def _type(schema: Schema, where: str) -> Any:  # noqa: ANN401 - any type annotation
    if "anyOf" in schema:
        _refuse_unknown(schema, {"anyOf"}, where)
        return Union[tuple(_type(choice, where) for choice in schema["anyOf"])]  # noqa: UP007 - made at run time
    if "enum" in schema:
        _refuse_unknown(schema, {"enum"}, where)
        return Literal[tuple(schema["enum"])]
    kind = str(schema.get("type"))
    if kind == "object":
        return msgspec.defstruct(where.rpartition(".")[2], _fields(schema, where), kw_only=True, frozen=True)
    names = _BOUNDS.get(kind, {})
    _refuse_unknown(schema, {*names, *({"items"} if kind == "array" else ())}, where)
    if kind == "array":
        plain: Any = list.__class_getitem__(_type(schema["items"], f"{where}[]"))
    elif kind in _SIMPLE:
        plain = _SIMPLE[kind]
    else:
        raise UnknownSchemaError(f"{where}: unsupported type {kind!r}")
    bounds = {ours: schema[theirs] for theirs, ours in names.items() if theirs in schema}
    return Annotated[plain, msgspec.Meta(**bounds)] if bounds else plain


def _refuse_unknown(schema: Schema, known: set[str], where: str) -> None:
    if unknown := sorted(set(schema) - known - _NO_RULE):
        raise UnknownSchemaError(f"{where}: unsupported keyword {', '.join(unknown)}")
