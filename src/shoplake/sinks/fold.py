"""Aggregate events by key with polars: expressions and status tables that several sinks share. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

ORDER_STATUS = {
    "order_placed": "placed",
    "payment_authorised": "authorised",
    "payment_captured": "paid",
    "order_shipped": "shipped",
    "order_delivered": "delivered",
    "order_returned": "returned",
    "payment_refunded": "refunded",
    "payment_charged_back": "charged_back",
    "order_cancelled": "cancelled",
}
MONEY_BACK = ("payment_refunded", "payment_charged_back")
CUSTOMER_STATUS = {
    "customer_registered": "active",
    "customer_reactivated": "active",
    "customer_deactivated": "churned",
}
PRODUCT_STATUS = {"product_launched": "on_sale", "product_discontinued": "discontinued"}
SESSION_STATUS = {
    "session_started": "browsing",
    "cart_item_added": "cart",
    "checkout_started": "checkout",
    "checkout_completed": "ordered",
}


def occurred_at() -> pl.Expr:
    """The time of the event as a timestamp (UTC, microseconds)."""
    return pl.from_epoch("occurred_at_ms", time_unit="ms").dt.cast_time_unit("us").dt.replace_time_zone("UTC")


def is_type(*names: str) -> pl.Expr:
    """Whether the event has one of these types."""
    return pl.col("type") == names[0] if len(names) == 1 else pl.col("type").is_in(names)


def when(names: str | Sequence[str], value: pl.Expr | str) -> pl.Expr:
    """The value of a column if the event has one of these types, else null."""
    types = (names,) if isinstance(names, str) else tuple(names)
    return pl.when(is_type(*types)).then(pl.col(value) if isinstance(value, str) else value)


def status(by_type: Mapping[str, str]) -> pl.Expr:
    """The status that an event sets; null if it sets none."""
    return pl.col("type").replace_strict(by_type, default=None, return_dtype=pl.String)


def signed(plus: Sequence[str], minus: Sequence[str], value: str | None = None) -> pl.Expr:
    """A column (or 1), positive for the event types `plus`, negative for `minus`, and 0 for all others."""
    amount = pl.lit(1, pl.Int64) if value is None else pl.col(value)
    rising = pl.when(is_type(*plus)).then(amount)
    return (rising.when(is_type(*minus)).then(-amount) if minus else rising).otherwise(0)


def fold(
    events: pl.DataFrame,
    keys: Sequence[str],
    *,
    last: Mapping[str, pl.Expr],
    sums: Mapping[str, pl.Expr] | None = None,
) -> pl.DataFrame:
    """Aggregate events to one row per key: the last non-null value of each `last`, and the total of each `sums`.

    Args:
        events: rows in offset order within each partition; rows with a null key are ignored.
        keys: columns that identify an entity.
        last: output column → the value that an event sets, null if it sets none.
        sums: output column → the number that an event adds.
    """
    return (
        events.filter(pl.all_horizontal(pl.col(k).is_not_null() for k in keys))
        .group_by(keys, maintain_order=True)
        .agg(
            *(value.drop_nulls().last().alias(name) for name, value in last.items()),
            *(value.sum().cast(pl.Int64).alias(name) for name, value in (sums or {}).items()),
        )
    )
