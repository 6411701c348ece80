"""Words for error messages: what a type expects, and what was found."""

from __future__ import annotations

import datetime as dt
import unicodedata
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

_NAMES: dict[Any, str] = {
    float: "a number",
    int: "a whole number",
    str: "text",
    bool: "true or false",
    dict: "a mapping of keys to values",
    tuple: "a list",
    dt.date: "a date such as 2026-09-01",
    dt.datetime: "a time with its zone, such as 2026-09-04T16:00:00Z",
    type(None): "nothing",
}
_MANY = {str: "characters", tuple: "items", dict: "entries"}
_LISTED = 5
_LONGEST = 60


def expected(hint: Any) -> str:  # noqa: ANN401 - any type
    """A description of a type's values, such as `a number from 0 to 1` or `a list of 24`."""
    bare, metas = unwrap_type(hint)
    texts = [str(meta.extra["expected"]) for meta in metas if meta.extra and "expected" in meta.extra]
    if texts:
        return texts[-1]
    if get_origin(bare) is Literal:
        return f"one of {', '.join(str(choice) for choice in get_args(bare))}"
    if get_origin(bare) in (Union, UnionType):
        return " or ".join(expected(member) for member in get_args(bare) if member is not type(None))
    kind = get_origin(bare) or bare
    limits = {name: value for meta in metas for name in _LIMITS if (value := getattr(meta, name)) is not None}
    if kind is tuple and get_args(bare)[-1] is not ...:
        limits = {"min_length": len(get_args(bare)), "max_length": len(get_args(bare))}
    return f"{_NAMES.get(kind, 'a mapping of keys to values')}{_range(limits)}{_size(limits, kind)}"


def found(value: object) -> str:
    """A value as an error message shows it; for a text that no event can hold, the invalid character."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple) and len(value) > _LISTED:
        return f"a list of {len(value)}"
    if isinstance(value, str) and (place := _unprintable(value)) is not None:
        return f"U+{ord(value[place]):04X} as character {place + 1} of {_shortened(ascii(value))}"
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"{len(value)} characters, {_shortened(repr(value))}"
    return _shortened(repr(value) if isinstance(value, str | int | float | list | tuple | dict) else str(value))


def printable(text: str) -> str:
    """A text that is safe for a terminal: control and other unprintable characters become escapes."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def unwrap_type(hint: Any) -> tuple[Any, list[msgspec.Meta]]:  # noqa: ANN401
    """A type without its annotations, and the annotations; `X | None` gives X."""
    if get_origin(hint) is Annotated:
        bare, *extras = get_args(hint)
        inner, metas = unwrap_type(bare)
        return inner, [*metas, *(extra for extra in extras if isinstance(extra, msgspec.Meta))]
    if get_origin(hint) in (Union, UnionType):
        members = [member for member in get_args(hint) if member is not type(None)]
        return unwrap_type(members[0]) if len(members) == 1 else (hint, [])
    return hint, []


_LIMITS = ("ge", "gt", "le", "lt", "min_length", "max_length")


def _range(limits: dict[str, Any]) -> str:
    low, above, high, below = (_number(limits.get(name)) for name in ("ge", "gt", "le", "lt"))
    if low or above:
        start = f" from {low}" if low else f" above {above}"
        end = f"{' to' if low else ', at most'} {high}" if high else f", below {below}" if below else ""
        return start + end
    return f" of at most {high}" if high else f" below {below}" if below else ""


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{int(value):,}" if float(value).is_integer() else f"{value:g}"


def _size(limits: dict[str, Any], kind: Any) -> str:  # noqa: ANN401
    least, most = limits.get("min_length"), limits.get("max_length")
    if least is None and most is None:
        return ""
    what = _MANY.get(kind, "items")
    if least == most:
        return f" of {most} {what}"
    return f" of at least {least} {what}" if most is None else f" of {least or 0} to {most} {what}"


def _unprintable(text: str) -> int | None:
    """Position of the first control character or lone surrogate, line feeds last; None if there is none."""
    places = [place for place, letter in enumerate(text) if unicodedata.category(letter) in ("Cc", "Cs")]
    return min(places, key=lambda place: (text[place] == "\n", place), default=None)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
