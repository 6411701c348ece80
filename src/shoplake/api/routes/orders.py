"""Orders, from Postgres."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query, Request
from pydantic import AfterValidator, AwareDatetime
from starlette.responses import Response

from shoplake.api import answers, shapes
from shoplake.api import cursor as cursors
from shoplake.api.models import One, Order, OrderRow, Page
from shoplake.api.parameters import PAGE_ROWS, AtLeast, AtLeastParameter, Cursor, Id, Limit, PathId
from shoplake.api.routes.common import Postgres, Secret, responses
from shoplake.api.routes.common import router as routes
from shoplake.api.stores.postgres import TOPICS, OrderFilter, PostgresStore
from shoplake.errors import AmbiguousId, NotFound

router = routes("orders")

ORDER_STATUS = "^[a-z_]{1,32}$"
FIRST_DAY, LAST_DAY = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC)


def _storable(moment: datetime) -> datetime:
    if not FIRST_DAY <= moment <= LAST_DAY:
        raise ValueError("expected a time between the years 1 and 9999 in UTC")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_storable)]


@router.get("/orders", response_model=Page[OrderRow], responses=responses(304, 504))
async def orders(
    request: Request,
    postgres: Postgres,
    secret: Secret,
    at_least: AtLeastParameter,
    customer_id: Annotated[Id | None, Query(description="Only orders of this customer.")] = None,
    status: Annotated[str | None, Query(pattern=ORDER_STATUS, description="Only orders in this state.")] = None,
    currency: Annotated[str | None, Query(pattern="^[A-Z]{3}$", description="Only in this currency, ISO 4217.")] = None,
    placed_from: Annotated[Moment | None, Query(description="Placed at this time or later.")] = None,
    placed_before: Annotated[Moment | None, Query(description="Placed before this time.")] = None,
    details: Annotated[bool, Query(description="With items, payments and shipments.")] = False,
    limit: Limit = PAGE_ROWS,
    cursor: Cursor = None,
) -> Response:
    """A page of orders, in the order of their key: order id, customer id."""
    wanted = OrderFilter(customer_id, status, currency, placed_from, placed_before)
    return await page_of_orders(request, postgres, secret, at_least, wanted, details, limit, cursor)


@router.get("/orders/{order_id}", response_model=One[Order], responses=responses(304, 404, 409, 504))
async def order(
    request: Request,
    order_id: PathId,
    postgres: Postgres,
    at_least: AtLeastParameter,
    customer_id: Annotated[Id | None, Query(description="Needed if orders of several customers have the id.")] = None,
) -> Response:
    """An order with items, payments, shipments and timeline."""
    await postgres.wait(TOPICS, at_least)
    found, positions = await postgres.order(order_id, customer_id)
    if not found:
        raise NotFound("no order has this id", fix="if it was just written, add `at_least=`")
    if len(found) > 1:
        raise AmbiguousId(
            "orders of several customers have this id",
            fix="add `customer_id=`",
            customers=[one["customer_id"] for one in found],
        )
    return answers.one(request, shapes.with_details(found)[0], positions)


async def page_of_orders(
    request: Request,
    postgres: PostgresStore,
    secret: bytes,
    at_least: AtLeast,
    wanted: OrderFilter,
    details: bool,
    limit: int,
    cursor: str | None,
) -> Response:
    """A page of orders with a filter. Its cursor is the key of its last row, so rows that come or go move nothing."""
    query = {"route": "orders", **dataclasses.asdict(wanted)}
    after = cursors.decode(secret, cursor, query, 2) if cursor else None
    await postgres.wait(TOPICS, at_least)
    found, positions = await postgres.orders(wanted, after, limit + 1, details=details)
    following = None
    if len(found) > limit:
        last = found[limit - 1]
        following = cursors.encode(secret, [last["order_id"], last["customer_id"]], query)
    return answers.page(request, found[:limit], following, positions)
