"""Customers, from MongoDB, and their orders, from Postgres."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from shoplake.api import answers, shapes
from shoplake.api.access import Masked
from shoplake.api.models import Customer, One, OrderRow, Page
from shoplake.api.parameters import PAGE_ROWS, AtLeastParameter, Cursor, Limit, PathId
from shoplake.api.routes.common import Mongo, Postgres, Secret, page_of_documents, responses
from shoplake.api.routes.common import router as routes
from shoplake.api.routes.orders import page_of_orders
from shoplake.api.stores.mongo import CUSTOMER_TOPICS
from shoplake.api.stores.postgres import OrderFilter
from shoplake.errors import NotFound

router = routes("customers")


@router.get("/customers", response_model=Page[Customer], responses=responses(304, 504))
async def customers(
    request: Request,
    mongo: Mongo,
    secret: Secret,
    at_least: AtLeastParameter,
    mask: Masked,
    country: Annotated[str | None, Query(pattern="^[A-Z]{2}$", description="Country, ISO 3166-1 alpha-2.")] = None,
    status: Annotated[str | None, Query(pattern="^(active|churned)$", description="active or churned.")] = None,
    limit: Limit = PAGE_ROWS,
    cursor: Cursor = None,
) -> Response:
    """A page of customers, in the order of their ids."""
    filters = {"profile.country": country, "profile.status": status}
    found, following, positions = await page_of_documents(
        mongo, secret, "customers", CUSTOMER_TOPICS, at_least, filters, limit, cursor
    )
    return answers.page(request, [shapes.customer(one, mask=mask) for one in found], following, positions)


@router.get("/customers/{customer_id}", response_model=One[Customer], responses=responses(304, 404, 504))
async def customer(
    request: Request, customer_id: PathId, mongo: Mongo, at_least: AtLeastParameter, mask: Masked
) -> Response:
    """A customer with profile, sums over the orders, and reviews."""
    positions = await mongo.as_of(CUSTOMER_TOPICS, at_least)
    found = await mongo.get("customers", customer_id)
    if found is None:
        raise NotFound("no customer has this id", fix="if it was just written, add `at_least=`")
    return answers.one(request, shapes.customer(found, mask=mask), positions)


@router.get("/customers/{customer_id}/orders", response_model=Page[OrderRow], responses=responses(304, 504))
async def orders_of_customer(
    request: Request,
    customer_id: PathId,
    postgres: Postgres,
    secret: Secret,
    at_least: AtLeastParameter,
    details: Annotated[bool, Query(description="With items, payments and shipments.")] = False,
    limit: Limit = PAGE_ROWS,
    cursor: Cursor = None,
) -> Response:
    """A page of a customer's orders, in the order of their ids. It is empty if there is no such customer."""
    wanted = OrderFilter(customer_id=customer_id)
    return await page_of_orders(request, postgres, secret, at_least, wanted, details, limit, cursor)
