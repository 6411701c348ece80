"""The registry of Kafka topics: their names, keys and events."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, get_args, get_type_hints

import msgspec
import polars as pl

from shoplake.contract import clicks, customers, inventory, orders, products, reviews
from shoplake.contract.base import Event

DEAD_LETTERS = "dead-letters"
OUTCOMES = "dead-letter-outcomes"
REPLAY_OF = "shoplake-replay-of"
"""Header of a replayed event: the name of the dead letter that was repaired."""

PUBLISH_PROGRESS = "publish-progress"
DEAD_LETTER_PROGRESS = "dead-letter-progress"
CONTRACTS = "contracts"
MARKER = "shoplake-contract"
"""Header of a marker: a record without a value at the offset where another contract version starts. It counts only if
the topic `contracts` lists its offset; any other record with this header is not a valid event.
"""


@dataclass(frozen=True, slots=True)
class Topic:
    """One Kafka topic of events.

    Attributes:
        name: the topic's name in Kafka.
        key: the field whose value is the record key, so that events of one entity stay in order.
        events: the structs of the events in this topic.
    """

    name: str
    key: str
    events: tuple[type[Event], ...]

    @property
    def columns(self) -> dict[str, pl.DataType | type[pl.DataType]]:
        """The union of the fields of all events, as polars types; `type` comes first."""
        schema: dict[str, pl.DataType | type[pl.DataType]] = {"type": pl.String}
        for event in self.events:
            schema.update(columns_of(event))
        return schema


def type_name(event: type[Event]) -> str:
    """The event's name: its tag in the JSON field `type`."""
    return str(event.__struct_config__.tag)


def columns_of(event: type[msgspec.Struct]) -> dict[str, pl.DataType | type[pl.DataType]]:
    """The fields of an event, in order, as polars types; without `type`."""
    return dict(_columns_of(event))


@cache
def _columns_of(event: type[msgspec.Struct]) -> dict[str, pl.DataType | type[pl.DataType]]:
    hints = get_type_hints(event, include_extras=False)
    return {field: _polars_type(hints[field]) for field in event.__struct_fields__}


def _polars_type(hint: Any) -> pl.DataType | type[pl.DataType]:  # noqa: ANN401 - any type annotation
    simple: dict[Any, type[pl.DataType]] = {
        str: pl.String,
        int: pl.Int64,
        bool: pl.Boolean,
        float: pl.Float64,
    }
    if hint in simple:
        return simple[hint]
    arguments = get_args(hint)
    if getattr(hint, "__origin__", None) is list:
        return pl.List(_polars_type(arguments[0]))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return pl.Struct(columns_of(hint))
    if arguments and all(isinstance(a, str) for a in arguments):  # Literal["a", "b"]
        return pl.String
    present = [a for a in arguments if a is not type(None)]
    if len(present) == 1:  # X | None
        return _polars_type(present[0])
    raise TypeError(f"no column type for {hint!r}: use str, int, bool, float, Literal, a Struct, or a list of these")


TOPICS: dict[str, Topic] = {
    topic.name: topic
    for topic in (
        Topic(
            "customers",
            "customer_id",
            (
                customers.CustomerRegistered,
                customers.CustomerAddressChanged,
                customers.CustomerPreferencesChanged,
                customers.CustomerSegmentChanged,
                customers.CustomerDeactivated,
                customers.CustomerReactivated,
            ),
        ),
        Topic(
            "products",
            "product_id",
            (products.ProductLaunched, products.ProductPriceChanged, products.ProductDiscontinued),
        ),
        Topic(
            "orders",
            "customer_id",
            (
                orders.OrderPlaced,
                orders.OrderCancelled,
                orders.PaymentAuthorised,
                orders.PaymentDeclined,
                orders.PaymentCaptured,
                orders.PaymentRefunded,
                orders.PaymentChargedBack,
                orders.OrderShipped,
                orders.OrderDelivered,
                orders.OrderReturned,
            ),
        ),
        Topic(
            "inventory",
            "product_id",
            (
                inventory.StockReceived,
                inventory.StockReserved,
                inventory.StockReleased,
                inventory.StockShipped,
                inventory.StockReturned,
            ),
        ),
        Topic(
            "clicks",
            "session_id",
            (
                clicks.SessionStarted,
                clicks.PageViewed,
                clicks.SearchPerformed,
                clicks.ProductViewed,
                clicks.CartItemAdded,
                clicks.CartItemRemoved,
                clicks.CheckoutStarted,
                clicks.CheckoutCompleted,
            ),
        ),
        Topic("reviews", "product_id", (reviews.ReviewSubmitted, reviews.ReviewRemoved)),
    )
}

EVENTS: dict[str, type[Event]] = {type_name(event): event for topic in TOPICS.values() for event in topic.events}

TOPIC_OF: dict[str, Topic] = {type_name(event): topic for topic in TOPICS.values() for event in topic.events}
