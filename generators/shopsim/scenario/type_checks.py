"""Check plain values against the structs of a scenario, value by value, so that each error has its own position."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from shopsim import error_wording
from shopsim.error_wording import unwrap_type
from shopsim.errors import ScenarioError
from shopsim.scenario.section_types import Section
from shopsim.scenario.yaml_positions import Document, join


def type_errors(document: Document, part: type[Section]) -> Iterator[ScenarioError]:
    """Values that do not fit a struct, in the order of the document."""
    yield from _in_part(document, document.values, part, "")


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word most similar to another word, or empty."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return close[0] if close else ""


def _in_value(document: Document, value: object, hint: Any, path: str) -> Iterator[ScenarioError]:  # noqa: ANN401
    bare, _ = unwrap_type(hint)
    if isinstance(bare, type) and issubclass(bare, Section):
        yield from _in_part(document, value, bare, path)
        return
    found = list(_in_container(document, value, bare, path))
    yield from found
    if found:
        return
    unbounded = isinstance(value, float) and not math.isfinite(value)  # NaN passes every check of limits
    if unbounded or not _fits(value, hint):  # a list of valid items can still be too short
        yield document.error(path, error_wording.expected(hint), error_wording.found(value))


def _in_part(document: Document, value: object, part: type[Section], path: str) -> Iterator[ScenarioError]:
    if not isinstance(value, Mapping):
        yield document.error(path, "a mapping of keys to values", error_wording.found(value))
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
            elif not _fits(key, arguments[0]):
                said = f"a key that is {error_wording.expected(arguments[0])}"
                yield document.error(where, said, error_wording.found(key), at_key=True)
            else:
                yield from _in_value(document, inside, arguments[1], where)
    elif origin is tuple and isinstance(value, list | tuple):
        hints = [arguments[0]] * len(value) if arguments[-1] is ... else arguments
        for number, (inside, hint) in enumerate(zip(value, hints, strict=False)):
            yield from _in_value(document, inside, hint, join(path, number))


def _unknown(document: Document, what: str, key: str, known: Iterable[str], where: str) -> ScenarioError:
    expected = f"one of {what} {', '.join(known)}".replace("  ", " ")
    return document.error(where, expected, f"`{key}`", nearest=nearest(key, known), at_key=True)


def _fits(value: object, hint: Any) -> bool:  # noqa: ANN401
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError:
        return False
    return True
