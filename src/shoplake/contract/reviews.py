"""Topic `reviews`, keyed by product: what those who received it say."""

from __future__ import annotations

from typing import Literal

from shoplake.contract.base import Event, Id, Rating, Text


class ReviewSubmitted(Event, frozen=True, kw_only=True, tag="review_submitted"):
    """A customer reviewed a product that was delivered."""

    review_id: Id
    product_id: Id
    customer_id: Id
    order_id: Id
    rating: Rating
    title: Text
    body: Text


class ReviewRemoved(Event, frozen=True, kw_only=True, tag="review_removed"):
    """A review was taken down; it no longer counts. It repeats the rating it takes away."""

    review_id: Id
    product_id: Id
    customer_id: Id
    rating: Rating
    reason: Literal["spam", "offensive", "requested"]
