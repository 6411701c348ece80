"""Pages of a scan as columns of text. One that holds what the data model has is decoded by types, as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from shoplake.verify.stores.documents import BOOKKEEPING, UNKNOWN, as_row, as_text

ABSENT = msgspec.Raw()
EMPTY = b"{}"


class Text(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An attribute where a text or a map belongs."""

    S: str | None = None
    M: msgspec.Raw = ABSENT


class Number(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An attribute where a number belongs."""

    N: str


class Pages:
    """Makes columns, in the order of `kinds`, of the items of a page."""

    def __init__(self, kinds: Mapping[str, str]) -> None:
        """Make a decoder for these columns.

        Args:
            kinds: DuckDB's type of each expected column; anything but VARCHAR is a number.
        """
        self._kinds = kinds
        attributes = [
            (name, (Text if kind == "VARCHAR" else Number) | None, None)
            for name, kind in kinds.items()
            if name != UNKNOWN
        ]
        ours = [(name, msgspec.Raw, ABSENT) for name in sorted(BOOKKEEPING - kinds.keys())]
        item = msgspec.defstruct("Item", [*attributes, *ours], forbid_unknown_fields=True, gc=False)
        self._decoder = msgspec.json.Decoder(list[item])  # type: ignore[valid-type]

    def columns(self, items: bytes | msgspec.Raw) -> list[Sequence[str | None]]:
        """A list per column, of texts as DuckDB prints the expected ones.

        Args:
            items: a JSON array of items, each an object of attribute values.
        """
        try:
            found = self._decoder.decode(items)
        except msgspec.ValidationError:  # an attribute too many, or of another type: item by item, to be reported
            documents = [
                {name: plain(value) for name, value in item.items()} for item in msgspec.json.decode(bytes(items))
            ]
            rows = [as_row(document, self._kinds) for document in documents]
            return [[row[n] for row in rows] for n in range(len(self._kinds))]
        return [_column(found, name, kind) for name, kind in self._kinds.items()]


def plain(attribute: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """An attribute value as Python's; a type that the data model does not use stays tagged."""
    ((kind, value),) = attribute.items()
    if kind == "S" or kind == "BOOL":
        return value
    if kind == "N":
        return int(value) if value.lstrip("-").isdigit() else float(value)
    if kind == "M":
        return {name: plain(inner) for name, inner in value.items()}
    if kind == "L":
        return [plain(inner) for inner in value]
    return None if kind == "NULL" else dict(attribute)


def _column(items: list[Any], name: str, kind: str) -> list[str | None]:
    if name == UNKNOWN:
        return [None] * len(items)
    held = [getattr(item, name) for item in items]
    if kind != "VARCHAR":
        return [None if number is None else number.N for number in held]
    return [None if text is None else text.S if not text.M else _map(text.M) for text in held]


def _map(value: msgspec.Raw) -> str | None:
    if bytes(value) == EMPTY:
        return "{}"
    return as_text(plain({"M": msgspec.json.decode(value)}), "VARCHAR")
