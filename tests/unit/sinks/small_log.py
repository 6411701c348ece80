"""A log small enough to write by hand or to draw at random: events as (type, fields), by partition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import polars as pl
from hypothesis import strategies as st

from shoplake.contract import TOPICS
from shoplake.sinks.base import Batch, OffsetRange, TopicPartition

Event: TypeAlias = tuple[str, dict[str, Any]]
Log: TypeAlias = Mapping[TopicPartition, Sequence[Event]]

START_MS = 1_704_067_200_000  # 2024-01-01T00:00Z
MINUTE_MS = 60_000


def frame(topic: str, *events: Event, partition: int = 0, first_offset: int = 0) -> pl.DataFrame:
    """Events of one partition as a sink gets them; each is a minute later than the one before."""
    rows = [
        {"type": name, "event_id": f"e{offset}", "occurred_at_ms": START_MS + offset * MINUTE_MS}
        | fields
        | {"partition": partition, "offset": offset}
        for offset, (name, fields) in enumerate(events, first_offset)
    ]
    return pl.DataFrame(rows, schema={**TOPICS[topic].columns, "partition": pl.Int32, "offset": pl.Int64})


def batch_of(log: Log, ranges: Mapping[TopicPartition, OffsetRange]) -> Batch:
    """What a reader would make of these ranges."""
    frames: dict[str, list[pl.DataFrame]] = {}
    for (topic, partition), (start, stop) in ranges.items():
        events = log[TopicPartition(topic, partition)][start:stop]
        frames.setdefault(topic, []).append(frame(topic, *events, partition=partition, first_offset=start))
    return Batch({topic: pl.concat(parts) for topic, parts in frames.items()}, ranges)


def whole(log: Log) -> Batch:
    """The log as one batch."""
    return batch_of(log, {p: OffsetRange(0, len(events)) for p, events in log.items()})


def _event(kinds: list[str], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Event]:
    return st.tuples(st.sampled_from(kinds), st.fixed_dictionaries(fields))


_products = st.sampled_from(["p1", "p2"])
_few = st.integers(1, 4)
_orders = {"order_id": st.sampled_from(["o1", "o2"])}


def _clicks(session: str) -> st.SearchStrategy[Event]:
    own = {"session_id": st.just(session)}
    return st.one_of(
        _event(["session_started"], **own, customer_id=st.sampled_from([None, "c1"]), device=st.just("mobile")),
        _event(["product_viewed", "cart_item_removed", "cart_item_removed"], **own, product_id=_products),
        _event(["cart_item_added"], **own, product_id=_products, quantity=_few, unit_price_cents=_few),
        _event(["search_performed", "checkout_started"], **own),
    )


def _order_events(customer: str) -> st.SearchStrategy[Event]:
    own = _orders | {"customer_id": st.just(customer)}
    line = st.fixed_dictionaries({"product_id": _products, "quantity": _few, "unit_price_cents": _few})
    return st.one_of(
        _event(["order_placed"], **own, lines=st.lists(line, min_size=1, max_size=2), total_cents=_few),
        _event(["order_cancelled", "order_delivered"], **own),
        _event(["payment_captured", "payment_refunded", "payment_charged_back"], **own, amount_cents=_few),
    )


_reviews = _event(
    ["review_submitted", "review_removed"],
    product_id=_products,
    customer_id=st.sampled_from(["c1", "c2"]),
    rating=st.integers(1, 5),
)

# Two sessions and two customers, each in a partition of its own as their key wants it; reviews are keyed by product,
# so a customer's come from anywhere.
logs = st.fixed_dictionaries(
    {
        TopicPartition("clicks", 0): st.lists(_clicks("s1"), max_size=8),
        TopicPartition("clicks", 1): st.lists(_clicks("s2"), max_size=8),
        TopicPartition("orders", 0): st.lists(_order_events("c1"), max_size=8),
        TopicPartition("orders", 1): st.lists(_order_events("c2"), max_size=8),
        TopicPartition("reviews", 0): st.lists(_reviews, max_size=4),
        TopicPartition("reviews", 1): st.lists(_reviews, max_size=4),
    }
)
