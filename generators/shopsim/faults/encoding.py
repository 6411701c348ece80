"""How an event's bytes break: what each fault may hit in an event of the contract, and what becomes of it.

The event's id is never touched, so that a broken event can still be told.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

from shoplake.contract import EVENTS

CONTENT_FAULTS = ("malformed", "missing_field", "wrong_type", "unknown_enum", "unknown_type", "oversize")
"""Faults after which the contract refuses the event."""

REASONS = {fault: "malformed_json" if fault == "malformed" else "schema" for fault in CONTENT_FAULTS}
"""What `contract.Rejected.reason` then says."""

UNKNOWN_CHOICE = "unheard-of"
"""A choice that no field of the contract offers."""

OVERSIZE_BY = 4096
"""An oversize text is up to so many characters longer than the contract allows."""


@cache
def targets(event_type: str, fault: str) -> tuple[str, ...]:
    """The fields of an event that a breaking fault may hit; empty where it cannot hit the event."""
    if fault in ("malformed", "unknown_type"):
        return ("type",)
    fields = [field for field in _described(event_type).fields if field.name != "event_id"]
    return tuple(field.name for field in fields if _APPLIES_TO[fault](field))


def break_event(event_type: str, fault: str, value: bytes, number: int) -> bytes:
    """An event's bytes as a breaking fault leaves them.

    Args:
        event_type: name of the event, a key of `EVENTS`.
        fault: one of `BREAKING` that has targets in this event.
        value: the sound event.
        number: any whole number from 0; varies which field is hit, and how.
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
    if variant == 0:  # the closing brace at least is lost
        return value[: len(value) - 1 - number % 20]
    return value + b"}" if variant == 1 else value[:-1] + b",}"


def _of_another_type(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int):
        return 7 if isinstance(value, str) or value is None else "seven"
    return f"{value}"  # the commonest of such mistakes: a number in quotes


def _too_long(value: str | None, length: int) -> str:
    text = value or "x"
    return (text * (length // len(text) + 1))[:length]


def _described(event_type: str) -> inspect.StructType:
    described = inspect.type_info(EVENTS[event_type])
    assert isinstance(described, inspect.StructType)  # noqa: S101 - for the type checker: events are structs
    return described


def _kinds(field: inspect.Field) -> list[inspect.Type]:
    """What a field may hold: itself, or the members of `X | None`."""
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
