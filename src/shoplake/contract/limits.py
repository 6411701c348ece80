"""Size limits of the stores, and the largest values that valid events can produce. Pure: no input or output.

Every valid event fits into every store. Where the contract alone does not bound a stored value, a rule of the
aggregation does (`CART_ADDITIONS`). A test compares the two sides, and docs/data-model.md shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

import msgspec

from shoplake.contract.base import Cents, Currency, Event, Id, Quantity
from shoplake.contract.clicks import SessionStarted
from shoplake.contract.customers import CustomerRegistered
from shoplake.contract.orders import OrderPlaced
from shoplake.contract.products import ProductLaunched

CART_ADDITIONS = 1_000
"""A cart counts only the first 1,000 additions of a session; later ones are ignored, also after a removal."""

UTF8_BYTES = 4
"""The most bytes that one character takes in UTF-8."""

_INTEGER_BYTES = 21  # DynamoDB: a number of 38 digits
_ENTRY_BYTES, _MAP_BYTES = 1, 3  # DynamoDB: overhead of an entry and of a map
_BSON_BYTES = 16  # BSON: overhead of a text field (type, length, terminators), or the size of a number
_INDEX_BYTES = 8  # Postgres: overhead of an index row, and of each of its columns


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of one store.

    Attributes:
        store: name of the store.
        subject: the value that is limited.
        maximum: the most that the store accepts.
        unit: unit of `maximum` and `largest`.
        largest: the largest value that valid events can produce.
        rule: the rule of the contract that bounds it.
    """

    store: str
    subject: str
    maximum: int
    unit: str
    largest: int
    rule: str

    @property
    def row(self) -> str:
        """The limit as a row of the table in docs/data-model.md."""
        return f"| {self.store} | {self.subject} | {self.maximum:,} {self.unit} | {self.largest:,} | {self.rule} |"


def limits() -> tuple[Limit, ...]:
    """All limits, by store."""
    ids = "an id is at most 64 characters"
    texts = "a text is at most 2,000 characters"
    key = text_bytes(Id)
    units = _lines() * bound(Quantity)
    return (
        Limit("Kafka", "key of a record", 1_048_576, "bytes", key, ids),
        Limit("Postgres", "row of an index", 2_704, "bytes", _index_bytes(2), f"two ids; {ids}"),
        Limit("Postgres", "`bigint`", 2**63 - 1, "minor units", bound(Cents), "an amount is at most 10^12"),
        Limit("DynamoDB", "partition key", 2_048, "bytes", key, ids),
        Limit("DynamoDB", "sort key", 1_024, "bytes", key, ids),
        Limit("DynamoDB", "session item", 409_600, "bytes", _session_bytes(), "a cart's first 1,000 additions"),
        Limit("DynamoDB", "order item", 409_600, "bytes", _order_bytes(), ids),
        Limit("MongoDB", "key of an index", 2_048, "bytes", key, f"{ids}; the limit is DocumentDB's"),
        Limit("MongoDB", "customer document", 16_777_216, "bytes", _document_bytes(CustomerRegistered), texts),
        Limit("MongoDB", "product document", 16_777_216, "bytes", _document_bytes(ProductLaunched), texts),
        Limit("Redis", "field of a hash, member of a set", 536_870_912, "bytes", key, ids),
        Limit("Redis", "exact score", 2**53, "units", units, "an order has at most 100 lines of 1,000,000 units"),
    )


def text_bytes(kind: Any) -> int:  # noqa: ANN401 - any type annotation
    """The most bytes that a text of this type takes in UTF-8."""
    return bound(kind) * UTF8_BYTES


def bound(kind: Any) -> int:  # noqa: ANN401 - any type annotation
    """The upper bound of a type: its largest number, or its most characters.

    Raises:
        ValueError: the type has no upper bound, so no store could be sure to hold it.
    """
    for meta in _metas(kind):
        for limit in (meta.max_length, meta.le):
            if limit is not None:
                return int(limit)
    raise ValueError(f"expected a type with an upper bound, found {kind}")


def _lines() -> int:
    """The most lines that an order can have."""
    return bound(get_type_hints(OrderPlaced, include_extras=True)["lines"])


def _metas(kind: Any) -> Iterator[msgspec.Meta]:  # noqa: ANN401
    for argument in getattr(kind, "__metadata__", ()):
        if isinstance(argument, msgspec.Meta):
            yield argument
    for argument in get_args(kind):
        yield from _metas(argument)


def _session_bytes() -> int:
    """The most bytes of a session item in DynamoDB."""
    line = text_bytes(Id) + _ENTRY_BYTES + _MAP_BYTES + _numbers("quantity", "unit_price_cents")
    fields = get_type_hints(SessionStarted, include_extras=True)
    return (
        sum(len(name) + text_bytes(Id) for name in ("pk", "customer_id", "order_id"))
        + len("campaign")
        + text_bytes(fields["campaign"])
        + len("devicereferrerstatus")
        + 3 * max(len(value) for name in ("device", "referrer") for value in get_args(fields[name]))
        + len("currency")
        + text_bytes(Currency)
        + _numbers("started_at", "last_event_at", "expires_at", "pages", "searches", "additions", "rev", "generation")
        + len("cart")
        + _MAP_BYTES
        + CART_ADDITIONS * line
        + _folded_bytes()
    )


def _order_bytes() -> int:
    """The most bytes of an order item in DynamoDB."""
    names = ("placed_at", "total_cents", "items", "updated_at", "rev", "generation")
    return (
        2 * (2 + text_bytes(Id))
        + len("statuscurrency")
        + 16
        + text_bytes(Currency)
        + _numbers(*names)
        + _folded_bytes()
    )


def _numbers(*names: str) -> int:
    return sum(len(name) + _INTEGER_BYTES + _ENTRY_BYTES for name in names)


def _folded_bytes() -> int:
    # All events of an item are in one partition, so `folded` has one entry per topic.
    return len("folded") + _MAP_BYTES + _numbers("inventory-2147483647")


def _document_bytes(event: type[Event]) -> int:
    """The most bytes of a document that holds all texts of an event, and 40 numbers and dates."""
    fields = get_type_hints(event, include_extras=True)
    texts = [name for name, kind in fields.items() if any(meta.max_length for meta in _metas(kind))]
    return sum(len(name) + _BSON_BYTES + text_bytes(fields[name]) for name in texts) + 40 * (24 + _BSON_BYTES)


def _index_bytes(columns: int) -> int:
    return _INDEX_BYTES + columns * (text_bytes(Id) + _INDEX_BYTES)
