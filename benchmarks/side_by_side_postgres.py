"""The tutorial way into Postgres: an INSERT … ON CONFLICT for each event, committed at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import psycopg

from shoplake.settings import Settings
from shoplake.sinks.fold import CUSTOMER_STATUS, ORDER_STATUS, PRODUCT_STATUS

Event = dict[str, Any]
Row = tuple[str, dict[str, Any], dict[str, Any], dict[str, int]]
"""Table, key, columns to set, columns to add to."""

TOPICS = ("customers", "products", "orders", "inventory", "reviews")
TABLES = ("customers", "products", "orders", "order_items", "payments", "shipments", "inventory", "reviews")
PROFILE = ("name", "email", "segment", "street", "postcode", "city", "country", "currency", "marketing_opt_in")
PRODUCT = ("name", "category", "price_cents", "currency", "model_id", "variant")
ORDER = ("customer_id", "session_id", "subtotal_cents", "discount_cents", "shipping_cents", "tax_cents", "total_cents")
REVIEW = ("product_id", "customer_id", "order_id", "rating", "title", "body")
PAYMENT_STATUS = {
    "payment_authorised": "authorised",
    "payment_declined": "declined",
    "payment_captured": "captured",
    "payment_refunded": "refunded",
    "payment_charged_back": "charged_back",
}
PAID = {
    "payment_captured": "captured_cents",
    "payment_refunded": "refunded_cents",
    "payment_charged_back": "charged_back_cents",
}
WHY = {"payment_declined": "decline_reason", "payment_charged_back": "chargeback_reason"}
MOVES = {
    "stock_received": (1, 0),
    "stock_returned": (1, 0),
    "stock_reserved": (0, 1),
    "stock_released": (0, -1),
    "stock_shipped": (-1, -1),
}


def connect(settings: Settings) -> Callable[[Event], None]:
    """Tables of our own, and what is done with an event."""
    connection = psycopg.connect(settings.postgres.conninfo(), autocommit=True)
    connection.execute("DROP SCHEMA IF EXISTS naive CASCADE")
    connection.execute("CREATE SCHEMA naive")
    for table in TABLES:
        connection.execute(f"CREATE TABLE naive.{table} (LIKE shop.{table} INCLUDING ALL)")

    def handle(event: Event) -> None:
        with connection.transaction():
            for table, key, values, sums in rows(event):
                present = {name: value for name, value in values.items() if value is not None}
                statement = upsert(table, tuple(key), tuple(present), tuple(sums))
                connection.execute(statement, [*key.values(), *present.values(), *sums.values()])

    return handle


@cache
def upsert(table: str, key: tuple[str, ...], values: tuple[str, ...], sums: tuple[str, ...]) -> str:
    """The statement for these columns."""
    names = (*key, *values, *sums)
    changes = [f"{c} = excluded.{c}" for c in values] + [f"{c} = t.{c} + excluded.{c}" for c in sums]
    then = f"DO UPDATE SET {', '.join(changes)}" if changes else "DO NOTHING"
    places = ", ".join(["%s"] * len(names))
    return (
        f"INSERT INTO naive.{table} AS t ({', '.join(names)}) VALUES ({places}) "  # noqa: S608 - our own names
        f"ON CONFLICT ({', '.join(key)}) {then}"
    )


def rows(event: Event) -> Iterator[Row]:
    """Changes for an event."""
    kind, at = event["type"], dt.datetime.fromtimestamp(event["occurred_at_ms"] / 1000, dt.UTC)
    updated = {"updated_at": at}
    if kind.startswith("customer_"):
        status = {"status": CUSTOMER_STATUS.get(kind), "registered_at": at if kind == "customer_registered" else None}
        yield "customers", _some(event, ["customer_id"]), _some(event, PROFILE) | status | updated, {}
    elif kind.startswith("product_"):
        status = {"status": PRODUCT_STATUS.get(kind), "launched_at": at if kind == "product_launched" else None}
        yield "products", _some(event, ["product_id"]), _some(event, PRODUCT) | status | updated, {}
    elif kind.startswith("stock_"):
        moves = {
            name: sign * event["quantity"] for name, sign in zip(("on_hand", "reserved"), MOVES[kind], strict=True)
        }
        yield "inventory", _some(event, ["product_id", "warehouse_id"]), updated, moves
    elif kind == "review_submitted":
        new = {"status": "published", "submitted_at": at}
        yield "reviews", _some(event, ["review_id"]), _some(event, REVIEW) | new | updated, {}
    elif kind == "review_removed":
        gone = {"status": "removed", "removal_reason": event["reason"]}
        yield "reviews", _some(event, ["review_id"]), _some(event, REVIEW) | gone | updated, {}
    else:
        yield from order_rows(event, kind, at)


def order_rows(event: Event, kind: str, at: dt.datetime) -> Iterator[Row]:
    """Changes for an order event: the order, its lines, a payment, a shipment."""
    updated = {"updated_at": at}
    order = _some(event, ORDER) | {"status": ORDER_STATUS.get(kind)} | updated
    if kind == "order_placed":
        order |= {"placed_at": at, "currency": event["currency"]}
        for number, line in enumerate(event["lines"], start=1):
            yield "order_items", {"order_id": event["order_id"], "line_no": number}, line, {}
    yield "orders", _some(event, ["order_id"]), order, {}
    if "payment_id" in event:
        payment = _some(event, ["order_id", "customer_id", "method", "currency"]) | {"status": PAYMENT_STATUS[kind]}
        if kind in ("payment_authorised", "payment_declined"):
            payment["amount_cents"] = event["amount_cents"]
        if kind in WHY:
            payment[WHY[kind]] = event["reason"]
        paid = {PAID[kind]: event["amount_cents"]} if kind in PAID else {}
        yield "payments", _some(event, ["payment_id"]), payment | updated, paid
    if "shipment_id" in event:
        stage = kind.removeprefix("order_")
        shipment = _some(event, ["order_id", "customer_id", "carrier"]) | {"status": stage, f"{stage}_at": at}
        if stage == "returned":
            shipment["return_reason"] = event["reason"]
        yield "shipments", _some(event, ["shipment_id"]), shipment | updated, {}


def _some(event: Event, names: list[str] | tuple[str, ...]) -> dict[str, Any]:
    return {name: event[name] for name in names if name in event}


def differing(settings: Settings) -> tuple[int, int]:
    """Number of rows, and number of rows that differ from those of shoplake's sink."""
    count = wrong = 0
    with psycopg.connect(settings.postgres.conninfo()) as connection:
        for table in TABLES:
            found = connection.execute(f"SELECT count(*) FROM naive.{table}").fetchone()  # noqa: S608
            one, other = f"TABLE shop.{table}", f"TABLE naive.{table}"
            either = f"(({one}) EXCEPT ({other})) UNION ALL (({other}) EXCEPT ({one}))"
            differ = connection.execute(f"SELECT count(*) FROM ({either}) AS d").fetchone()  # noqa: S608
            count, wrong = count + found[0], wrong + differ[0]  # type: ignore[index]
    return count, wrong
