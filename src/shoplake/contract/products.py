"""Topic `products`, keyed by product: the catalogue."""

from __future__ import annotations

from typing import Annotated

from shoplake.contract.base import PUBLIC, Cents, Currency, Event, Id, Text


class ProductLaunched(Event, frozen=True, kw_only=True, tag="product_launched"):
    """A product is on sale from now on. `model_id` groups the variants of one model, e.g. `variant` = `Blue / M`."""

    product_id: Id
    name: Annotated[Text, PUBLIC]
    category: Annotated[Text, PUBLIC]
    price_cents: Annotated[Cents, PUBLIC]
    currency: Annotated[Currency, PUBLIC]
    model_id: Id | None = None
    variant: Annotated[Text, PUBLIC] | None = None


class ProductPriceChanged(Event, frozen=True, kw_only=True, tag="product_price_changed"):
    """A product has a new price from now on."""

    product_id: Id
    price_cents: Annotated[Cents, PUBLIC]


class ProductDiscontinued(Event, frozen=True, kw_only=True, tag="product_discontinued"):
    """A product is no longer sold."""

    product_id: Id
