"""Apply content faults to the bytes of an event: the fields that each fault can change, and the change.

The event's id never changes, so that an invalid event can still be identified.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

from shoplake.contract import EVENTS

CONTENT_FAULTS = ("malformed", "missing_field", "wrong_type", "unknown_enum", "unknown_type", "oversize")
"""Faults that make the contract reject the event."""

REASONS = {fault: "malformed_json" if fault == "malformed" else "schema" for fault in CONTENT_FAULTS}
"""Content fault -> the `reason` of `contract.Rejected`."""

UNKNOWN_CHOICE = "unheard-of"
"""A value that no enum field of the contract allows."""

OVERSIZE_BY = 4096
"""An oversize text exceeds the contract's limit by up to this number of characters."""


@cache
def targets(event_type: str, fault: str) -> tuple[str, ...]:
    """The fields of an event that a content fault can change; empty if the fault does not apply to the event."""
    if fault in ("malformed", "unknown_type"):
        return ("type",)
    fields = [field for field in _described(event_type).fields if field.name != "event_id"]
    return tuple(field.name for field in fields if _APPLIES_TO[fault](field))


def break_event(event_type: str, fault: str, value: bytes, number: int) -> bytes:
    """Apply a content fault to the bytes of an event.

    Args:
        event_type: name of the event, a key of `EVENTS`.
        fault: one of `CONTENT_FAULTS` that has targets in this event.
        value: the valid event.
        number: any whole number from 0; selects the field and the variant of the fault.
    """
    if fault == "malformed":
        return _malformed(value, number)
    event: dict[str, Any] = msgspec.json.decode(value)
    may = targets(event_type, fault)
    field, number = may[number % len(may)], number // len(may)
    if fault == "missing_field":
        del event[field]
    elif fault == "wrong_type":
        event[field] = _of_another_type(event[field])
    elif fault == "unknown_enum":
        event[field] = UNKNOWN_CHOICE
    elif fault == "unknown_type":
        event[field] = f"{event_type}.v{2 + number % 8}"
    else:
        event[field] = _too_long(event[field], _longest(event_type, field) + 1 + number % OVERSIZE_BY)
    return msgspec.json.encode(event)


def _malformed(value: bytes, number: int) -> bytes:
    variant, number = number % 3, number // 3
    if variant == 0:  # at least the closing brace is cut off
        return value[: len(value) - 1 - number % 20]
    return value + b"}" if variant == 1 else value[:-1] + b",}"


def _of_another_type(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int):
        return 7 if isinstance(value, str) or value is None else "seven"
    return f"{value}"  # the most common mistake of this kind: a number in quotes


def _too_long(value: str | None, length: int) -> str:
    text = value or "x"
    return (text * (length // len(text) + 1))[:length]


def _described(event_type: str) -> inspect.StructType:
    described = inspect.type_info(EVENTS[event_type])
    assert isinstance(described, inspect.StructType)  # noqa: S101 - for the type checker: events are structs
    return described


def _kinds(field: inspect.Field) -> list[inspect.Type]:
    """The types of a field: its type, or the members of `X | None`."""
    bare = _bare(field.type)
    return [_bare(kind) for kind in bare.types] if isinstance(bare, inspect.UnionType) else [bare]


def _bare(kind: inspect.Type) -> inspect.Type:
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def _limit(field: inspect.Field) -> int | None:
    limits = [kind.max_length for kind in _kinds(field) if isinstance(kind, inspect.StrType)]
    return limits[0] if limits else None


def _longest(event_type: str, field: str) -> int:
    return next(_limit(f) or 0 for f in _described(event_type).fields if f.name == field)


_APPLIES_TO: dict[str, Callable[[inspect.Field], bool]] = {
    "missing_field": lambda field: field.required,
    "wrong_type": lambda _: True,
    "unknown_enum": lambda field: any(isinstance(kind, inspect.LiteralType) for kind in _kinds(field)),
    "oversize": lambda field: _limit(field) is not None,
}
