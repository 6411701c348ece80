"""Plain values against the structs of a scenario, value by value, so that each mistake is found at its own place."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from shopsim.document import Document, join
from shopsim.errors import ScenarioError
from shopsim.parts import Part

_WORDS = {
    "`datetime` with a timezone component": "a time with its zone, such as 2026-09-04T16:00:00Z",
    "`datetime`": "a time with its zone, such as 2026-09-04T16:00:00Z",
    "`float`": "a number",
    "`int`": "a whole number",
    "`str`": "text",
    "`bool`": "true or false",
    "`object`": "a mapping",
    "`array`": "a list",
    "`date`": "a date such as 2026-09-01",
    "`null`": "nothing",
}

_LISTED = 5


def mistakes(document: Document, part: type[Part]) -> Iterator[ScenarioError]:
    """What does not fit a struct, in the order of the document."""
    yield from _in_part(document, document.values, part, "")


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that looks most like another one, or empty."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return close[0] if close else ""


def shown(value: object) -> str:
    """A value as a message names it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple) and len(value) > _LISTED:
        return f"a list of {len(value)}"
    text = repr(value) if isinstance(value, str | int | float | list | tuple | dict) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _in_value(document: Document, value: object, hint: Any, path: str) -> Iterator[ScenarioError]:  # noqa: ANN401
    bare = _bare(hint)
    if isinstance(bare, type) and issubclass(bare, Part):
        yield from _in_part(document, value, bare, path)
        return
    found = list(_in_container(document, value, bare, path))
    yield from found
    if isinstance(value, float) and not math.isfinite(value):  # NaN is within any limits
        yield document.error(path, "a number", shown(value))
    elif not found and (said := _wrong(value, hint)):  # a list of the right things may still be too short
        yield document.error(path, said, shown(value))


def _bare(hint: Any) -> Any:  # noqa: ANN401
    """The type without its limits; of `X | None`, X."""
    if get_origin(hint) is Annotated:
        return _bare(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        members = [member for member in get_args(hint) if member is not type(None)]
        return _bare(members[0]) if len(members) == 1 else hint
    return hint


def _in_part(document: Document, value: object, part: type[Part], path: str) -> Iterator[ScenarioError]:
    if not isinstance(value, Mapping):
        yield document.error(path, "a mapping of keys to values", shown(value))
        return
    hints = get_type_hints(part, include_extras=True)
    for key, inside in value.items():
        where = join(path, str(key))
        if key in hints:
            yield from _in_value(document, inside, hints[key], where)
        else:
            yield _unknown(document, "the keys", str(key), hints, where)
    for field in msgspec.structs.fields(part):
        if field.required and field.name not in value:
            yield document.error(join(path, field.name), "a value", "nothing")


def _in_container(document: Document, value: object, bare: Any, path: str) -> Iterator[ScenarioError]:  # noqa: ANN401
    origin, arguments = get_origin(bare), get_args(bare)
    if origin is dict and isinstance(value, Mapping):
        choices = get_args(arguments[0]) if get_origin(arguments[0]) is Literal else ()
        for key, inside in value.items():
            where = join(path, str(key))
            if choices and key not in choices:
                yield _unknown(document, "", str(key), choices, where)
            elif said := _wrong(key, arguments[0]):
                yield document.error(where, f"a key that is {said}", f"`{key}`", at_key=True)
            else:
                yield from _in_value(document, inside, arguments[1], where)
    elif origin is tuple and isinstance(value, list | tuple):
        hints = [arguments[0]] * len(value) if arguments[-1] is ... else arguments
        for number, (inside, hint) in enumerate(zip(value, hints, strict=False)):
            yield from _in_value(document, inside, hint, join(path, number))


def _unknown(document: Document, what: str, key: str, known: Iterable[str], where: str) -> ScenarioError:
    expected = f"one of {what} {', '.join(known)}".replace("  ", " ")
    return document.error(where, expected, f"`{key}`", nearest=nearest(key, known), at_key=True)


def _wrong(value: object, hint: Any) -> str:  # noqa: ANN401
    """What a value should have been, or nothing where it is that."""
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        return _said(error)
    return ""


def _said(error: msgspec.ValidationError) -> str:
    text = str(error).split(" - at `")[0].split(", got ")[0]
    if text.startswith("Invalid RFC3339"):
        return _WORDS["`datetime`" if "datetime" in text else "`date`"]
    text = text.removeprefix("Expected ")
    for name, words in _WORDS.items():
        text = text.replace(name, words)
    return re.sub(r"\.0\b", "", text.replace(" | ", " or "))
