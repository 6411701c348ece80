"""Topic `products`, keyed by product: the catalogue."""

from __future__ import annotations

from shoplake.contract.base import Cents, Currency, Event, Id, Text


class ProductLaunched(Event, frozen=True, kw_only=True, tag="product_launched"):
    """A product is on sale from now on. `model_id` groups the variants of one model, e.g. `variant` = `Blue / M`."""

    product_id: Id
    name: Text
    category: Text
    price_cents: Cents
    currency: Currency
    model_id: Id | None = None
    variant: Text | None = None


class ProductPriceChanged(Event, frozen=True, kw_only=True, tag="product_price_changed"):
    """A product has a new price from now on."""

    product_id: Id
    price_cents: Cents


class ProductDiscontinued(Event, frozen=True, kw_only=True, tag="product_discontinued"):
    """A product is no longer sold."""

    product_id: Id
