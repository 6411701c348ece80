"""The shapes of the answers, for the OpenAPI document. Answers are not validated by them: tests do that."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")

Positions = dict[str, dict[str, int]]
"""Topic -> partition -> the first offset that is not in the answer."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class One(_Model, Generic[T]):
    """An answer with one object."""

    data: T
    positions: Positions = Field(examples=[{"orders": {"0": 1204, "1": 1180}}])


class Page(_Model, Generic[T]):
    """An answer with the rows of a page."""

    data: list[T]
    next: str | None = Field(description="The cursor of the next page; null after the last.", examples=["kP2v…"])
    positions: Positions = Field(examples=[{"orders": {"0": 1204, "1": 1180}}])


class Profile(_Model):
    """The last values of a customer's account."""

    name: str | None = Field(None, examples=["***"])
    email: str | None = Field(None, examples=["***"])
    segment: str | None = None
    street: str | None = None
    postcode: str | None = None
    city: str | None = None
    country: str | None = None
    currency: str | None = None
    marketing_opt_in: bool | None = None
    status: str | None = None
    registered_at: datetime | None = None


class CustomerOrders(_Model):
    """Sums over a customer's orders. Money is in minor units."""

    placed: int | None = None
    cancelled: int | None = None
    returned: int | None = None
    spent_cents: int | None = None
    last_order_id: str | None = None
    last_order_at: datetime | None = None


class CustomerReviews(_Model):
    """Sums over a customer's reviews that were not removed."""

    count: int | None = None
    rating_sum: int | None = None


class Customer(_Model):
    """A customer. A section is null until the first event of its topic."""

    customer_id: str = Field(examples=["c17"])
    profile: Profile | None
    orders: CustomerOrders | None
    reviews: CustomerReviews | None


class Item(_Model):
    """A line of an order."""

    line_no: int
    product_id: str | None
    quantity: int | None
    unit_price_cents: int | None


class Payment(_Model):
    """A payment of an order."""

    payment_id: str
    currency: str | None
    method: str | None
    status: str | None
    amount_cents: int | None
    captured_cents: int
    refunded_cents: int
    charged_back_cents: int
    decline_reason: str | None
    chargeback_reason: str | None
    updated_at: datetime | None


class Shipment(_Model):
    """A parcel of an order."""

    shipment_id: str
    carrier: str | None
    status: str | None
    return_reason: str | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    returned_at: datetime | None
    updated_at: datetime | None


class Step(_Model):
    """Something that happened to an order, as far as Postgres keeps its time."""

    at: datetime
    what: str = Field(examples=["placed"])
    id: str | None = Field(description="Of the payment or shipment.")


class OrderRow(_Model):
    """An order. Items, payments and shipments are there if `details` was asked for."""

    order_id: str = Field(examples=["o42"])
    customer_id: str
    session_id: str | None
    currency: str | None
    subtotal_cents: int | None
    discount_cents: int | None
    shipping_cents: int | None
    tax_cents: int | None
    total_cents: int | None
    status: str | None
    placed_at: datetime | None
    updated_at: datetime | None
    items: list[Item] | None = None
    payments: list[Payment] | None = None
    shipments: list[Shipment] | None = None


class Order(OrderRow):
    """An order with everything that belongs to it."""

    timeline: list[Step]


class CartLine(_Model):
    """A product in a cart."""

    product_id: str
    quantity: int
    unit_price_cents: int | None


class Session(_Model):
    """A visit of the shop, with its cart."""

    session_id: str
    customer_id: str | None
    device: str | None
    referrer: str | None
    campaign: str | None
    currency: str | None
    status: str | None
    order_id: str | None
    started_at: datetime | None
    last_event_at: datetime | None
    expires_at: datetime | None
    pages: int | None
    searches: int | None
    cart: list[CartLine]


class Ratings(_Model):
    """Reviews that were not removed."""

    stars: dict[str, int] = Field(examples=[{"1": 0, "2": 1, "3": 4, "4": 10, "5": 12}])
    count: int | None
    sum: int | None
    average: float | None = Field(description="Null if there is no review.")


class Product(_Model):
    """A product."""

    product_id: str = Field(examples=["p7"])
    name: str | None
    category: str | None
    price_cents: int | None
    currency: str | None
    model_id: str | None
    variant: str | None
    status: str | None
    launched_at: datetime | None
    ratings: Ratings | None


class Revenue(_Model):
    """Revenue of a day in one currency: captured - refunded - charged back, in minor units."""

    currency: str | None
    total_cents: int
    minutes: dict[str, int] = Field(examples=[{"10:41": 12900}])


class ProductUnits(_Model):
    """Units of a product in all orders."""

    product_id: str
    units: int


class Board(_Model):
    """The live board of a day."""

    day: str | None = Field(examples=["2026-08-31"])
    revenue: list[Revenue]
    funnel: dict[str, int]
    top_products: list[ProductUnits]


class Metric(_Model):
    """The figures of a metric: a row per group, with a value per column."""

    metric: str
    unit: str
    columns: list[str]
    rows: list[list[Any]]
    truncated: bool


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(examples=["SL1403"])
    fix: str
    request_id: str


class Health(_Model):
    """Whether the API, and each dependency, works."""

    status: str = Field(examples=["ok"])
    dependencies: dict[str, str] = Field({}, examples=[{"postgres": "ok", "mongo": "down"}])
