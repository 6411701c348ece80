"""One example of each event, made from its type: the same in every run, and valid."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import inspect

from shoplake.contract import Event

# What the field's name says better than its type. Anything else follows from the type.
NAMED: dict[str, Any] = {
    "occurred_at_ms": 1_718_000_000_000,
    "name": "Ada Example",
    "email": "ada@example.com",
    "street": "1 Example Street",
    "postcode": "10115",
    "city": "Berlin",
    "title": "As described",
    "body": "Arrived on time.",
    "query": "blue lamp",
    "carrier": "parcel",
    "category": "lighting",
    "variant": "blue",
    "campaign": "spring",
}
PATTERNS = {"^[A-Z]{3}$": "EUR", "^[A-Z]{2}$": "DE"}


def of(event: type[Event]) -> dict[str, Any]:
    """The event as JSON values.

    Raises:
        msgspec.ValidationError: the example does not fit the type; teach this file about it.
    """
    info = inspect.type_info(event)
    example = {"type": event.__struct_config__.tag, **_fields(info)}
    msgspec.convert(example, event)
    return example


def _fields(struct: Any) -> dict[str, Any]:  # noqa: ANN401 - msgspec's own types
    return {field.name: _value(field.name, field.type) for field in struct.fields}


def _value(name: str, kind: inspect.Type) -> Any:  # noqa: ANN401
    match kind:
        case inspect.Metadata(type=inner):
            return _value(name, inner)
        case inspect.UnionType(types=kinds):
            return _value(name, next(each for each in kinds if not isinstance(each, inspect.NoneType)))
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.StrType(pattern=str(pattern)) if pattern in PATTERNS:
            return PATTERNS[pattern]
        case inspect.StrType():
            return NAMED.get(name, f"{name.removesuffix('_id')}-1")
        case inspect.IntType(ge=least):
            return NAMED.get(name, 1999 if name.endswith("_cents") else max(least or 0, 2))
        case inspect.BoolType():
            return True
        case inspect.ListType(item_type=item):
            return [_value(name, item)]
        case inspect.StructType():
            return _fields(kind)
    raise TypeError(f"no example for {kind}: teach this file about it")
