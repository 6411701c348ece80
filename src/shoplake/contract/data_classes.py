"""Data classes of the fields of events: public, internal or personal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Literal, TypeAlias, cast

from shoplake.contract.base import DATA_CLASS, Event
from shoplake.contract.schema import event_schema, fields, not_null

DataClass: TypeAlias = Literal["public", "internal", "personal"]
"""`public`: every visitor of the shop sees it. `personal`: it identifies a person, or a person wrote it freely.
`internal`: everything else, identifiers too.
"""

CLASSES: tuple[DataClass, ...] = ("public", "internal", "personal")
"""From the least to the most protected."""


@cache
def data_classes(event: type[Event]) -> dict[str, DataClass]:
    """The class of each field of an event, by the marks in its struct; fields of a list are named `lines[].product_id`.

    A list of objects has the strictest class of their fields.
    """
    marks = {
        path: cast(DataClass, not_null(schema).get(DATA_CLASS, schema.get(DATA_CLASS, "internal")))
        for path, schema in fields(event_schema(event))
    }
    return {path: strictest(_inside(path, marks) or [mark]) for path, mark in marks.items()}


def data_class_of(event: type[Event], field: str) -> DataClass:
    """The class of one field.

    Raises:
        KeyError: the event has no such field.
    """
    return data_classes(event)[field]


def strictest(classes: Iterable[DataClass]) -> DataClass:
    """The class of a value that is made of values of these classes. Of nothing: `internal`."""
    return max(classes, key=CLASSES.index, default="internal")


def _inside(path: str, marks: Mapping[str, DataClass]) -> list[DataClass]:
    """The classes of the fields of the objects in a list."""
    return [mark for inner, mark in marks.items() if inner.startswith(f"{path}[].")]
