"""Aggregate events to the DynamoDB items: sessions with their carts, and orders. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from shoplake.contract.limits import CART_ADDITIONS
from shoplake.sinks import fold
from shoplake.sinks.keyed import Item, Part, set_present

SESSION_RETENTION_S = 730 * 24 * 3600
CART = ("cart_item_added", "cart_item_removed")
_SESSION_TEXTS = ("customer_id", "device", "referrer", "campaign", "started_at", "currency", "status", "order_id")
_ORDER_FIELDS = ("status", "placed_at", "total_cents", "currency", "items", "updated_at")


def _session_changes(events: pl.DataFrame) -> pl.DataFrame:
    started = {c: fold.when("session_started", c) for c in ("customer_id", "device", "referrer", "campaign")}
    sessions = fold.fold(
        events,
        ["session_id"],
        last=started
        | {
            "started_at": fold.when("session_started", "occurred_at_ms"),
            "currency": fold.when("cart_item_added", "currency"),
            "last_event_at": pl.col("occurred_at_ms").max(),
            "status": fold.status(fold.SESSION_STATUS),
            "order_id": fold.when("checkout_completed", "order_id"),
        },
        sums={
            "pages": fold.signed(["page_viewed", "product_viewed"], []),
            "searches": fold.signed(["search_performed"], []),
        },
    )
    return sessions.join(_cart_changes(events), on="session_id", how="left", maintain_order="left")


def _cart_changes(events: pl.DataFrame) -> pl.DataFrame:
    """One row per session: `cart` has its additions and removals in order; a removal has a null quantity."""
    moves = events.filter(fold.is_type(*CART)).with_columns(quantity=fold.when("cart_item_added", "quantity"))
    return moves.group_by("session_id", maintain_order=True).agg(
        cart=pl.struct("product_id", "quantity", "unit_price_cents")
    )


def _merge_session(item: Item, row: Mapping[str, Any]) -> None:
    set_present(item, row, _SESSION_TEXTS)
    item["pages"] = item.get("pages", 0) + row["pages"]
    item["searches"] = item.get("searches", 0) + row["searches"]
    item["last_event_at"] = max(item.get("last_event_at", 0), row["last_event_at"])
    item["expires_at"] = item["last_event_at"] // 1000 + SESSION_RETENTION_S
    cart, additions = item.setdefault("cart", {}), item.get("additions", 0)
    for move in row["cart"] or ():
        if move["quantity"] is None:
            cart.pop(move["product_id"], None)
        elif additions < CART_ADDITIONS:
            additions += 1
            before = cart.get(move["product_id"], {"quantity": 0})["quantity"]
            cart[move["product_id"]] = {
                "quantity": before + move["quantity"],
                "unit_price_cents": move["unit_price_cents"],
            }
    item["additions"] = additions


def _order_changes(events: pl.DataFrame) -> pl.DataFrame:
    quantities = pl.col("lines").list.eval(pl.element().struct.field("quantity")).list.sum()
    return fold.fold(
        events,
        ["customer_id", "order_id"],
        last={
            "status": fold.status(fold.ORDER_STATUS),
            "placed_at": fold.when("order_placed", "occurred_at_ms"),
            "total_cents": pl.col("total_cents"),
            "currency": fold.when("order_placed", "currency"),
            "items": fold.when("order_placed", quantities),
            "updated_at": pl.col("occurred_at_ms"),
        },
    )


def _merge_order(item: Item, row: Mapping[str, Any]) -> None:
    set_present(item, row, _ORDER_FIELDS)


PARTS = (
    Part("sessions", "clicks", ("session_id",), _session_changes, _merge_session),
    Part("orders", "orders", ("customer_id", "order_id"), _order_changes, _merge_order),
)
