"""Topic `clicks`, keyed by session: what visitors do on the site."""

from __future__ import annotations

from typing import Literal

from shoplake.contract.base import Cents, Count, Currency, Event, Id, Quantity, Text

Page = Literal["home", "category", "offers", "help", "account"]


class SessionStarted(Event, frozen=True, kw_only=True, tag="session_started"):
    """Someone came to the site; `customer_id` is null for a visitor who is not logged in."""

    session_id: Id
    customer_id: Id | None = None
    device: Literal["desktop", "mobile", "tablet"]
    referrer: Literal["direct", "search", "social", "email", "partner"]
    campaign: Text | None = None


class PageViewed(Event, frozen=True, kw_only=True, tag="page_viewed"):
    """A page that is not a product's."""

    session_id: Id
    page: Page


class SearchPerformed(Event, frozen=True, kw_only=True, tag="search_performed"):
    """A search on the site."""

    session_id: Id
    query: Text
    results: Count


class ProductViewed(Event, frozen=True, kw_only=True, tag="product_viewed"):
    """A product's page."""

    session_id: Id
    product_id: Id


class CartItemAdded(Event, frozen=True, kw_only=True, tag="cart_item_added"):
    """A product went into the cart at a price; more of the same adds up."""

    session_id: Id
    product_id: Id
    quantity: Quantity
    unit_price_cents: Cents
    currency: Currency | None = None


class CartItemRemoved(Event, frozen=True, kw_only=True, tag="cart_item_removed"):
    """All of a product went out of the cart."""

    session_id: Id
    product_id: Id


class CheckoutStarted(Event, frozen=True, kw_only=True, tag="checkout_started"):
    """The visitor went to the till."""

    session_id: Id


class CheckoutCompleted(Event, frozen=True, kw_only=True, tag="checkout_completed"):
    """The cart became an order."""

    session_id: Id
    order_id: Id
