"""The mapping from events to the columns of the Postgres tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl

from shoplake.sinks import fold

Prepare = Callable[[pl.DataFrame], pl.DataFrame]


def _unchanged(events: pl.DataFrame) -> pl.DataFrame:
    return events


@dataclass(frozen=True, slots=True)
class Table:
    """How the events of a topic are aggregated to the rows of a table.

    Attributes:
        name: name of the table in schema `shop`.
        topic: topic of its events.
        keys: columns of the primary key.
        last: column → the value that an event sets; the row keeps the last one that is not null.
        sums: column → the number that an event adds.
        prepare: converts events to the rows that are aggregated.
    """

    name: str
    topic: str
    keys: tuple[str, ...]
    last: Mapping[str, pl.Expr]
    sums: Mapping[str, pl.Expr] = field(default_factory=dict)
    prepare: Prepare = _unchanged

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, in the order of COPY."""
        return (*self.keys, *self.last, *self.sums)

    def rows(self, events: pl.DataFrame) -> pl.DataFrame:
        """Aggregate a batch of events to one row per key; null means that the batch does not change the column."""
        return fold.fold(self.prepare(events), self.keys, last=self.last, sums=self.sums)

    def upsert(self, source: str) -> str:
        """The SQL statement that merges the rows of `source` into the table."""
        updates = [f"{c} = coalesce(excluded.{c}, t.{c})" for c in self.last]
        updates += [f"{c} = t.{c} + excluded.{c}" for c in self.sums]
        names = ", ".join(self.columns)
        return (
            f"INSERT INTO shop.{self.name} AS t ({names}) SELECT {names} FROM {source} "  # noqa: S608 - our own names
            f"ON CONFLICT ({', '.join(self.keys)}) DO UPDATE SET {', '.join(updates)}"
        )


def _same(*names: str) -> dict[str, pl.Expr]:
    return {name: pl.col(name) for name in names}


def _lines(events: pl.DataFrame) -> pl.DataFrame:
    placed = events.filter(fold.is_type("order_placed")).select("order_id", "customer_id", "lines")
    numbered = placed.with_columns(line_no=pl.int_ranges(1, pl.col("lines").list.len() + 1))
    return numbered.explode("lines", "line_no").unnest("lines")


UPDATED = {"updated_at": fold.occurred_at()}
PAYMENTS = ("payment_authorised", "payment_declined")

TABLES = (
    Table(
        "customers",
        "customers",
        ("customer_id",),
        _same(
            "name",
            "email",
            "segment",
            "street",
            "postcode",
            "city",
            "country",
            "currency",
            "marketing_opt_in",
        )
        | {
            "status": fold.status(fold.CUSTOMER_STATUS),
            "registered_at": fold.when("customer_registered", fold.occurred_at()),
        }
        | UPDATED,
    ),
    Table(
        "products",
        "products",
        ("product_id",),
        _same("name", "category", "price_cents", "currency", "model_id", "variant")
        | {
            "status": fold.status(fold.PRODUCT_STATUS),
            "launched_at": fold.when("product_launched", fold.occurred_at()),
        }
        | UPDATED,
    ),
    Table(
        "orders",
        "orders",
        ("order_id", "customer_id"),
        _same("session_id", "subtotal_cents", "discount_cents", "shipping_cents", "tax_cents")
        | {
            "total_cents": pl.col("total_cents"),
            "currency": fold.when("order_placed", "currency"),
            "placed_at": fold.when("order_placed", fold.occurred_at()),
            "status": fold.status(fold.ORDER_STATUS),
        }
        | UPDATED,
    ),
    Table(
        "order_items",
        "orders",
        ("order_id", "customer_id", "line_no"),
        _same("product_id", "quantity", "unit_price_cents"),
        prepare=_lines,
    ),
    Table(
        "payments",
        "orders",
        ("payment_id", "customer_id"),
        _same("order_id", "method", "currency")
        | {
            "amount_cents": fold.when(PAYMENTS, "amount_cents"),
            "decline_reason": fold.when("payment_declined", "reason"),
            "chargeback_reason": fold.when("payment_charged_back", "reason"),
            "status": fold.status(
                {
                    "payment_authorised": "authorised",
                    "payment_declined": "declined",
                    "payment_captured": "captured",
                    "payment_refunded": "refunded",
                    "payment_charged_back": "charged_back",
                }
            ),
        }
        | UPDATED,
        {
            "captured_cents": fold.signed(["payment_captured"], [], "amount_cents"),
            "refunded_cents": fold.signed(["payment_refunded"], [], "amount_cents"),
            "charged_back_cents": fold.signed(["payment_charged_back"], [], "amount_cents"),
        },
    ),
    Table(
        "shipments",
        "orders",
        ("shipment_id", "customer_id"),
        _same("order_id", "carrier")
        | {
            "status": fold.status(
                {"order_shipped": "shipped", "order_delivered": "delivered", "order_returned": "returned"}
            ),
            "shipped_at": fold.when("order_shipped", fold.occurred_at()),
            "delivered_at": fold.when("order_delivered", fold.occurred_at()),
            "returned_at": fold.when("order_returned", fold.occurred_at()),
            "return_reason": fold.when("order_returned", "reason"),
        }
        | UPDATED,
    ),
    Table(
        "inventory",
        "inventory",
        ("product_id", "warehouse_id"),
        UPDATED,
        {
            "on_hand": fold.signed(["stock_received", "stock_returned"], ["stock_shipped"], "quantity"),
            "reserved": fold.signed(["stock_reserved"], ["stock_released", "stock_shipped"], "quantity"),
        },
    ),
    Table(
        "reviews",
        "reviews",
        ("review_id", "product_id"),
        _same("customer_id", "order_id", "rating", "title", "body")
        | {
            "status": fold.status({"review_submitted": "published", "review_removed": "removed"}),
            "removal_reason": fold.when("review_removed", "reason"),
            "submitted_at": fold.when("review_submitted", fold.occurred_at()),
        }
        | UPDATED,
    ),
)
TOPICS = frozenset(table.topic for table in TABLES)
