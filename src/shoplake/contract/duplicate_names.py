"""Names that stand twice in one object of JSON. RFC 8259 leaves open which value counts, and readers differ: such a
value is no event. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from shoplake.contract.topics import Topic, type_name

# Strings whole, so that what looks like structure inside of them is none; of the structure only what names belong to.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}:]', re.DOTALL)


def all_unique(topic: Topic, lines: bytes) -> Sequence[Any] | None:
    """The events of lines in which surely no name stands twice; None where only a look at each line can tell.

    An event that holds all of its fields, and no more names than it has fields, holds each once. The fields are counted
    by a decoder for which none is optional, the names by the colons that follow them.

    Raises:
        msgspec.DecodeError: a line is no event, or leaves a field out.
    """
    known = _explicit(topic)
    events: list[Any] = known.decoder.decode_lines(lines)
    fields = sum(map(known.sizes.__getitem__, map(type, events)))
    for kind, name, size in known.nested:
        fields += sum([len(getattr(event, name) or ()) for event in events if type(event) is kind]) * size
    # Each name has a colon; those in texts are counted too, so that there may be too many, and never too few.
    if lines.count(b":") == fields:
        return events
    spaced = b'" :' in lines or b'"\t:' in lines
    return events if not spaced and lines.count(b'":') == fields else None


def repeated_name(value: bytes) -> str | None:
    """A name that stands twice in one object of a value, at any depth; None where there is none.

    Args:
        value: JSON that a decoder has taken. What is in fields that it passed over may be anything.
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
        return token  # no text, in a field that nobody reads
    return text


class _Explicit:
    """How to count the fields of a topic's events.

    Attributes:
        decoder: of events that leave no field out.
        sizes: event → names of its own, its type among them.
        nested: event, field and names of each element, for fields that are lists of objects.
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
    """The same struct, of which no field may be left out."""
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
    """What the lists in a type hold, where they hold objects."""
    arguments = get_args(hint)
    if get_origin(hint) is list:
        return [each for each in arguments if isinstance(each, type) and issubclass(each, msgspec.Struct)]
    return [element for each in arguments for element in _elements(each)]
