"""Find names that occur twice in one JSON object. Pure: no input or output.

RFC 8259 does not say which of the two values counts, and parsers differ. So such a value is not a valid event.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from shoplake.contract.topics import Topic, type_name

# A whole string, so that braces and colons inside it do not count; or one of the tokens that object names depend on.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}:]', re.DOTALL)


def all_unique(topic: Topic, lines: bytes) -> Sequence[Any] | None:
    """Decode lines if it is certain that no name occurs twice; None if each line has to be checked by itself.

    An event that has all of its fields, and as many names as fields, has each name once. A decoder without optional
    fields makes sure that all fields are there; the colons count the names.

    Raises:
        msgspec.DecodeError: a line is not a valid event, or an optional field is missing.
    """
    known = _explicit(topic)
    events: list[Any] = known.decoder.decode_lines(lines)
    fields = sum(map(known.sizes.__getitem__, map(type, events)))
    for kind, name, size in known.nested:
        fields += sum([len(getattr(event, name) or ()) for event in events if type(event) is kind]) * size
    # Each name has a colon. Colons in texts are counted too, so the count may be too high and never too low.
    if lines.count(b":") == fields:
        return events
    spaced = b'" :' in lines or b'"\t:' in lines
    return events if not spaced and lines.count(b'":') == fields else None


def repeated_name(value: bytes) -> str | None:
    """A name that occurs twice in one object of the value, at any depth; None if there is none.

    Args:
        value: JSON that a decoder has accepted. Fields that it ignored may hold anything.
    """
    seen: list[set[str | bytes]] = []
    last = b""
    for match in _TOKEN.finditer(value):
        token = match[0]
        if token == b"{":
            seen.append(set())
        elif token == b"}":
            seen.pop()
        elif token != b":":
            last = token
        elif seen:
            name = _text(last)
            if name in seen[-1]:
                return name if isinstance(name, str) else name.decode(errors="backslashreplace")
            seen[-1].add(name)
    return None


def _text(token: bytes) -> str | bytes:
    try:
        text: str = msgspec.json.decode(token, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return token  # an invalid string, in a field that the decoder ignored
    return text


class _Explicit:
    """A decoder for which every field is required, and the number of names of each event.

    Attributes:
        decoder: decodes events in which no field is missing.
        sizes: event → number of its names, including `type`.
        nested: for each field that is a list of objects: the event, the field, and the number of names of an element.
    """

    def __init__(self, topic: Topic) -> None:
        made = [_explicit_struct(event, tag=type_name(event)) for event in topic.events]
        self.decoder = msgspec.json.Decoder(Union[tuple(made)])  # noqa: UP007 - made from a tuple at run time
        self.sizes = {event: len(event.__struct_fields__) + 1 for event in made}
        self.nested = [
            (event, name, len(element.__struct_fields__))
            for event in made
            for name, hint in get_type_hints(event, include_extras=True).items()
            for element in _elements(hint)
        ]


@cache
def _explicit(topic: Topic) -> _Explicit:
    return _Explicit(topic)


def _explicit_struct(struct: type[msgspec.Struct], tag: str | None = None) -> type[msgspec.Struct]:
    """The same struct with every field required."""
    hints = get_type_hints(struct, include_extras=True)
    fields = [(name, _explicit_type(hints[name])) for name in struct.__struct_fields__]
    if tag is None:
        return msgspec.defstruct(struct.__name__, fields, kw_only=True)
    return msgspec.defstruct(struct.__name__, fields, kw_only=True, tag_field="type", tag=tag)


def _explicit_type(hint: Any) -> Any:  # noqa: ANN401 - any type annotation
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _explicit_struct(hint)
    if get_origin(hint) is Annotated:
        inner, *meta = get_args(hint)
        return Annotated[(_explicit_type(inner), *meta)]
    if get_origin(hint) is list:
        return list[_explicit_type(get_args(hint)[0])]  # type: ignore[misc]
    if get_origin(hint) in (Union, UnionType):
        return Union[tuple(map(_explicit_type, get_args(hint)))]  # noqa: UP007 - made from a tuple at run time
    return hint


def _elements(hint: Any) -> list[type[msgspec.Struct]]:  # noqa: ANN401
    """The element types of the lists of objects in a type."""
    arguments = get_args(hint)
    if get_origin(hint) is list:
        return [each for each in arguments if isinstance(each, type) and issubclass(each, msgspec.Struct)]
    return [element for each in arguments for element in _elements(each)]
