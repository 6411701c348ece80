"""Topic `reviews`, keyed by product: reviews by customers who received the product."""

from __future__ import annotations

from typing import Annotated, Literal

from shoplake.contract.base import PERSONAL, PUBLIC, Event, Id, Rating, Text


class ReviewSubmitted(Event, frozen=True, kw_only=True, tag="review_submitted"):
    """A customer reviewed a delivered product."""

    review_id: Id
    product_id: Id
    customer_id: Id
    order_id: Id
    rating: Annotated[Rating, PUBLIC]
    title: Annotated[Text, PERSONAL]
    body: Annotated[Text, PERSONAL]


class ReviewRemoved(Event, frozen=True, kw_only=True, tag="review_removed"):
    """A review was removed and no longer counts. The event repeats the rating to subtract."""

    review_id: Id
    product_id: Id
    customer_id: Id
    rating: Annotated[Rating, PUBLIC]
    reason: Literal["spam", "offensive", "requested"]
