"""Data classes of the fields of events: public, internal or personal."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, TypeAlias, cast

from shoplake.contract.base import DATA_CLASS, Event
from shoplake.contract.schema import event_schema

DataClass: TypeAlias = Literal["public", "internal", "personal"]
"""`public`: every visitor of the shop sees it. `personal`: it identifies a person, or a person wrote it freely.
`internal`: everything else, identifiers too.
"""


@cache
def data_classes(event: type[Event]) -> dict[str, DataClass]:
    """The class of each field of an event, by the marks in its struct; fields of a list are named `lines[].product_id`.

    A list of objects has the strictest class of their fields.
    """
    return _classes(event_schema(event)["properties"], prefix="")


def data_class_of(event: type[Event], field: str) -> DataClass:
    """The class of one field.

    Raises:
        KeyError: the event has no such field.
    """
    return data_classes(event)[field]


def strictest(classes: list[DataClass]) -> DataClass:
    """The class of a value that is made of values of these classes. Of nothing: `internal`."""
    if "personal" in classes:
        return "personal"
    return "public" if classes and set(classes) == {"public"} else "internal"


def _classes(properties: dict[str, Any], prefix: str) -> dict[str, DataClass]:
    found: dict[str, DataClass] = {}
    for name, schema in properties.items():
        path = f"{prefix}{name}"
        (present, *_) = [choice for choice in schema.get("anyOf", [schema]) if choice.get("type") != "null"]
        nested = _classes(present.get("items", {}).get("properties", {}), f"{path}[].")
        own = present.get(DATA_CLASS, schema.get(DATA_CLASS, "internal"))
        found[path] = strictest(list(nested.values())) if nested else cast(DataClass, own)
        found.update(nested)
    return found
