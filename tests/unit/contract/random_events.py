"""Random events, drawn from the structs of the contract themselves."""

from __future__ import annotations

from typing import Any

import msgspec
import polars as pl
from hypothesis import strategies as st
from msgspec import inspect

from shoplake.contract import Event, columns_of

# Any text but U+0000, which the contract refuses, and lone surrogates, which are no text.
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


def events_of(event: type[Event]) -> st.SearchStrategy[Event]:
    """Instances of one event type."""
    fields = inspect.type_info(event).fields
    return st.builds(event, **{field.name: _values(field.type) for field in fields})


def frame_of(event: type[Event], events: list[Event]) -> pl.DataFrame:
    """Events of one type as columns, as a simulator would give them to `encode`."""
    return pl.DataFrame([fields_of(e) for e in events], schema=columns_of(event), orient="row")


def fields_of(event: Event) -> dict[str, Any]:
    """The event's fields without its tag."""
    fields = msgspec.to_builtins(event)
    return {name: value for name, value in fields.items() if name != "type"}


def _values(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.Metadata(type=inner):
            return _values(inner)
        case inspect.StrType(pattern=str(pattern)):
            return st.from_regex(pattern.replace("$", r"\Z"), fullmatch=True)
        case inspect.StrType(min_length=least, max_length=most):
            longest = min(12, 12 if most is None else most)
            return st.text(CHARACTERS, min_size=least or 0, max_size=longest)
        case inspect.IntType(ge=low, le=high):
            return st.integers(low, high)
        case inspect.BoolType():
            return st.booleans()
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.UnionType(types=kinds):
            return st.one_of(*map(_values, kinds))
        case inspect.NoneType():
            return st.none()
        case inspect.ListType(item_type=item, min_length=least):
            return st.lists(_values(item), min_size=least or 0, max_size=3)
        case inspect.StructType(cls=struct, fields=fields):
            return st.builds(struct, **{field.name: _values(field.type) for field in fields})
    raise TypeError(f"no values for {kind}: teach this file about it")
