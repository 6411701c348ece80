"""Convert pages of a DynamoDB scan to columns of text. A page that matches the data model is decoded at once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from shoplake.verify.stores.documents import JSON, MAP, REV, TEXT, UNKNOWN

ABSENT = msgspec.Raw()
EMPTY = b"{}"
INTEGER = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)


class Text(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A text attribute."""

    S: str


class Map(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A map attribute."""

    M: msgspec.Raw


class Number(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A number attribute."""

    N: str


class Pages:
    """Convert the items of a page to columns, in the order of `kinds`."""

    def __init__(self, kinds: Mapping[str, str]) -> None:
        """Create a decoder for these columns.

        Args:
            kinds: the type of each expected column: `documents.TEXT`, `documents.MAP`, or a number type.
        """
        self._kinds = kinds
        shapes = {TEXT: Text, MAP: Map}
        attributes = [
            (name, (Number if name == "rev" else shapes.get(kind, Number)) | None, None)
            for name, kind in kinds.items()
            if name != UNKNOWN
        ]
        item = msgspec.defstruct("Item", attributes, forbid_unknown_fields=True, gc=False)
        self._decoder = msgspec.json.Decoder(list[item])  # type: ignore[valid-type]

    def columns(self, items: bytes | msgspec.Raw) -> list[Sequence[str | None]]:
        """Return one list of texts per column, in the format of DuckDB.

        Args:
            items: a JSON array of items, each an object of attribute values.
        """
        try:
            found = self._decoder.decode(items)
        except msgspec.DecodeError:  # an unknown attribute or a wrong type: decode item by item and report it
            rows = [self._row(item) for item in json.loads(bytes(items))]
            return [[row[n] for row in rows] for n in range(len(self._kinds))]
        return [_column(found, name, kind) for name, kind in self._kinds.items()]

    def _row(self, item: Mapping[str, Mapping[str, Any]]) -> list[str | None]:
        unknown = {name: plain(item[name]) for name in item.keys() - self._kinds.keys()}
        texts = {name: _as_text(item[name], name, kind) for name, kind in self._kinds.items() if name in item}
        if unknown:
            texts[UNKNOWN] = JSON.encode(unknown)
        return [None if name not in texts else _escape_surrogates(texts[name]) for name in self._kinds]


def plain(attribute: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """Convert an attribute value to Python: text, integer or map. Other types keep their DynamoDB tag."""
    if len(attribute) == 1:
        ((kind, value),) = attribute.items()
        if kind == "S":
            return value
        if kind == "N" and INTEGER.fullmatch(value):
            return int(value)
        if kind == "M":
            return {name: plain(inner) for name, inner in value.items()}
    return dict(attribute)


def _as_text(attribute: Mapping[str, Any], name: str, kind: str) -> str:
    wanted = {TEXT: str, MAP: dict}.get(kind, int) if name != "rev" else int
    value = plain(attribute)
    if type(value) is not wanted or (wanted is dict and "M" not in attribute):
        return JSON.encode(attribute)  # with its type tag, so it differs from every expected value
    if name == "rev":
        return REV if value > 0 else str(value)
    return JSON.encode(value) if wanted is dict else str(value)


def _escape_surrogates(text: str) -> str:
    """Escape lone surrogates, which JSON allows and UTF-8 does not."""
    return text.encode(errors="backslashreplace").decode()


def _column(items: list[Any], name: str, kind: str) -> list[str | None]:
    if name == UNKNOWN:
        return [None] * len(items)
    held = [getattr(item, name) for item in items]
    if name == "rev":
        return [None if rev is None else REV if INTEGER.fullmatch(rev.N) and int(rev.N) > 0 else rev.N for rev in held]
    if kind == TEXT:
        return [None if text is None else text.S for text in held]
    if kind == MAP:
        return [None if value is None else _map(value.M) for value in held]
    return [None if number is None else number.N for number in held]


def _map(value: msgspec.Raw) -> str:
    if bytes(value) == EMPTY:
        return "{}"
    return JSON.encode(plain({"M": msgspec.json.decode(value)}))
