"""Aggregate events to the MongoDB documents: customers (360-degree view) and products (catalogue). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from shoplake.sinks import fold
from shoplake.sinks.keyed import Item, Part, set_present

_PROFILE = ("name", "email", "segment", "street", "postcode", "city", "country", "currency", "marketing_opt_in")
_PRODUCT_TEXTS = ("name", "category", "price_cents", "currency", "model_id", "variant")
_PRODUCT = (*_PRODUCT_TEXTS, "status", "launched_at")
_ORDER_COUNTS = {"placed": "order_placed", "cancelled": "order_cancelled", "returned": "order_returned"}
RATINGS = ("1", "2", "3", "4", "5")


def _profile_changes(events: pl.DataFrame) -> pl.DataFrame:
    return fold.fold(
        events,
        ["customer_id"],
        last={name: pl.col(name) for name in _PROFILE}
        | {
            "status": fold.status(fold.CUSTOMER_STATUS),
            "registered_at": fold.when("customer_registered", fold.occurred_at()),
        },
    )


def _merge_profile(item: Item, row: Mapping[str, Any]) -> None:
    set_present(item.setdefault("profile", {}), row, (*_PROFILE, "status", "registered_at"))


def _order_changes(events: pl.DataFrame) -> pl.DataFrame:
    return fold.fold(
        events,
        ["customer_id"],
        last={
            "last_order_id": fold.when("order_placed", "order_id"),
            "last_order_at": fold.when("order_placed", fold.occurred_at()),
        },
        sums={name: fold.signed([event], []) for name, event in _ORDER_COUNTS.items()}
        | {"spent_cents": fold.signed(["payment_captured"], fold.MONEY_BACK, "amount_cents")},
    )


def _merge_orders(item: Item, row: Mapping[str, Any]) -> None:
    orders = item.setdefault("orders", {})
    _add(orders, row, (*_ORDER_COUNTS, "spent_cents"))
    set_present(orders, row, ("last_order_id", "last_order_at"))


def _review_changes(events: pl.DataFrame) -> pl.DataFrame:
    return fold.fold(
        events,
        ["customer_id"],
        last={},
        sums={
            "count": fold.signed(["review_submitted"], ["review_removed"]),
            "rating_sum": fold.signed(["review_submitted"], ["review_removed"], "rating"),
        },
    )


def _merge_reviews(item: Item, row: Mapping[str, Any]) -> None:
    _add(item.setdefault("reviews", {}), row, ("count", "rating_sum"))


def _product_changes(events: pl.DataFrame) -> pl.DataFrame:
    return fold.fold(
        events,
        ["product_id"],
        last={name: pl.col(name) for name in _PRODUCT_TEXTS}
        | {
            "status": fold.status(fold.PRODUCT_STATUS),
            "launched_at": fold.when("product_launched", fold.occurred_at()),
        },
    )


def _merge_product(item: Item, row: Mapping[str, Any]) -> None:
    set_present(item, row, _PRODUCT)


def _rating_changes(events: pl.DataFrame) -> pl.DataFrame:
    one = fold.signed(["review_submitted"], ["review_removed"])
    return fold.fold(
        events,
        ["product_id"],
        last={},
        sums={r: pl.when(pl.col("rating") == int(r)).then(one).otherwise(0) for r in RATINGS}
        | {"count": one, "sum": fold.signed(["review_submitted"], ["review_removed"], "rating")},
    )


def _merge_ratings(item: Item, row: Mapping[str, Any]) -> None:
    _add(item.setdefault("ratings", {}), row, (*RATINGS, "count", "sum"))


def _add(section: Item, row: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        section[name] = section.get(name, 0) + row[name]


PARTS = (
    Part("customers", "customers", ("customer_id",), _profile_changes, _merge_profile),
    Part("customers", "orders", ("customer_id",), _order_changes, _merge_orders),
    Part("customers", "reviews", ("customer_id",), _review_changes, _merge_reviews),
    Part("products", "products", ("product_id",), _product_changes, _merge_product),
    Part("products", "reviews", ("product_id",), _rating_changes, _merge_ratings),
)
