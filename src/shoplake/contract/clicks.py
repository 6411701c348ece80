"""Topic `clicks`, keyed by session: what visitors do on the site."""

from __future__ import annotations

from typing import Annotated, Literal

from shoplake.contract.base import PERSONAL, Cents, Count, Currency, Event, Id, Quantity, Text

Page = Literal["home", "category", "offers", "help", "account"]


class SessionStarted(Event, frozen=True, kw_only=True, tag="session_started"):
    """A visitor opened the site; `customer_id` is null if the visitor is not logged in."""

    session_id: Id
    customer_id: Id | None = None
    device: Literal["desktop", "mobile", "tablet"]
    referrer: Literal["direct", "search", "social", "email", "partner"]
    campaign: Text | None = None


class PageViewed(Event, frozen=True, kw_only=True, tag="page_viewed"):
    """A visitor opened a page that is not a product page."""

    session_id: Id
    page: Page


class SearchPerformed(Event, frozen=True, kw_only=True, tag="search_performed"):
    """A visitor searched the site."""

    session_id: Id
    query: Annotated[Text, PERSONAL]
    results: Count


class ProductViewed(Event, frozen=True, kw_only=True, tag="product_viewed"):
    """A visitor opened a product page."""

    session_id: Id
    product_id: Id


class CartItemAdded(Event, frozen=True, kw_only=True, tag="cart_item_added"):
    """A visitor added a product to the cart at a price; quantities of the same product add up."""

    session_id: Id
    product_id: Id
    quantity: Quantity
    unit_price_cents: Cents
    currency: Currency | None = None


class CartItemRemoved(Event, frozen=True, kw_only=True, tag="cart_item_removed"):
    """A visitor removed a product, in its whole quantity, from the cart."""

    session_id: Id
    product_id: Id


class CheckoutStarted(Event, frozen=True, kw_only=True, tag="checkout_started"):
    """The visitor started the checkout."""

    session_id: Id


class CheckoutCompleted(Event, frozen=True, kw_only=True, tag="checkout_completed"):
    """The cart became an order."""

    session_id: Id
    order_id: Id
