"""Topic `orders`, keyed by customer: orders, their payments and their shipments.

The key is the customer, not the order, so that all order events of one customer are in one partition, in order.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from shoplake.contract.base import Cents, Currency, Event, Id, Quantity


class OrderLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an order: a product, its quantity and its unit price."""

    product_id: Id
    quantity: Quantity
    unit_price_cents: Cents


class OrderPlaced(Event, frozen=True, kw_only=True, tag="order_placed"):
    """A customer placed an order. `total = sum of lines - discount + shipping + tax`."""

    order_id: Id
    customer_id: Id
    session_id: Id
    currency: Currency
    lines: Annotated[list[OrderLine], msgspec.Meta(min_length=1, max_length=100)]
    subtotal_cents: Cents
    discount_cents: Cents
    shipping_cents: Cents
    tax_cents: Cents
    total_cents: Cents


class OrderCancelled(Event, frozen=True, kw_only=True, tag="order_cancelled"):
    """An order was cancelled and will not be fulfilled."""

    order_id: Id
    customer_id: Id
    reason: Literal["payment_failed", "requested"]


class PaymentAuthorised(Event, frozen=True, kw_only=True, tag="payment_authorised"):
    """The bank reserved the amount."""

    order_id: Id
    customer_id: Id
    payment_id: Id
    amount_cents: Cents
    currency: Currency
    method: Literal["card", "wallet", "bank_transfer"]


class PaymentDeclined(Event, frozen=True, kw_only=True, tag="payment_declined"):
    """The bank refused the payment; a later attempt is a new payment."""

    order_id: Id
    customer_id: Id
    payment_id: Id
    amount_cents: Cents
    currency: Currency
    method: Literal["card", "wallet", "bank_transfer"]
    reason: Literal["insufficient_funds", "expired_card", "suspected_fraud"]


class PaymentCaptured(Event, frozen=True, kw_only=True, tag="payment_captured"):
    """The shop received the money."""

    order_id: Id
    customer_id: Id
    payment_id: Id
    amount_cents: Cents
    currency: Currency | None = None


class PaymentRefunded(Event, frozen=True, kw_only=True, tag="payment_refunded"):
    """The shop returned some or all of the money."""

    order_id: Id
    customer_id: Id
    payment_id: Id
    amount_cents: Cents
    currency: Currency | None = None


class PaymentChargedBack(Event, frozen=True, kw_only=True, tag="payment_charged_back"):
    """The customer complained to the bank, and the bank took back the amount that the shop had not refunded."""

    order_id: Id
    customer_id: Id
    payment_id: Id
    amount_cents: Cents
    currency: Currency
    reason: Literal["fraud", "not_received", "not_as_described", "duplicate"]


class OrderShipped(Event, frozen=True, kw_only=True, tag="order_shipped"):
    """The parcel left."""

    order_id: Id
    customer_id: Id
    shipment_id: Id
    carrier: Literal["dhl", "ups", "fedex", "post"]


class OrderDelivered(Event, frozen=True, kw_only=True, tag="order_delivered"):
    """The parcel arrived."""

    order_id: Id
    customer_id: Id
    shipment_id: Id


class OrderReturned(Event, frozen=True, kw_only=True, tag="order_returned"):
    """The parcel came back."""

    order_id: Id
    customer_id: Id
    shipment_id: Id
    reason: Literal["damaged", "wrong_item", "not_as_described", "changed_mind"]
