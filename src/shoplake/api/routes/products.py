"""Products with their ratings, from MongoDB."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import Response

from shoplake.api import answers, shapes
from shoplake.api.models import One, Page, Product
from shoplake.api.parameters import PAGE_ROWS, AtLeastParameter, Cursor, Limit, PathId
from shoplake.api.routes.common import Mongo, Secret, page_of_documents, responses
from shoplake.api.routes.common import router as routes
from shoplake.api.stores.mongo import PRODUCT_TOPICS, containing
from shoplake.errors import NotFound

router = routes("products")

SEARCH_LENGTH = 100


@router.get("/products", response_model=Page[Product], responses=responses(304, 504))
async def products(
    request: Request,
    mongo: Mongo,
    secret: Secret,
    at_least: AtLeastParameter,
    q: Annotated[
        str | None,
        Query(min_length=1, max_length=SEARCH_LENGTH, pattern=r"^[^\x00]*$", description="A part of the name."),
    ] = None,
    category: Annotated[
        str | None, Query(min_length=1, max_length=SEARCH_LENGTH, pattern=r"^[^\x00]*$", description="The category.")
    ] = None,
    status: Annotated[str | None, Query(pattern="^(on_sale|discontinued)$", description="State.")] = None,
    min_reviews: Annotated[int | None, Query(ge=0, le=10**9, description="At least so many reviews.")] = None,
    limit: Limit = PAGE_ROWS,
    cursor: Cursor = None,
) -> Response:
    """A page of products, in the order of their ids."""
    filters: dict[str, Any] = {
        "name": containing(q) if q else None,
        "category": category,
        "status": status,
        "ratings.count": None if min_reviews is None else {"$gte": min_reviews},
    }
    found, following, positions = await page_of_documents(
        mongo, secret, "products", PRODUCT_TOPICS, at_least, filters, limit, cursor
    )
    return answers.page(request, [shapes.product(one) for one in found], following, positions)


@router.get("/products/{product_id}", response_model=One[Product], responses=responses(304, 404, 504))
async def product(request: Request, product_id: PathId, mongo: Mongo, at_least: AtLeastParameter) -> Response:
    """A product with its ratings."""
    positions = await mongo.as_of(PRODUCT_TOPICS, at_least)
    found = await mongo.get("products", product_id)
    if found is None:
        raise NotFound("no product has this id", fix="if it was just written, add `at_least=`")
    return answers.one(request, shapes.product(found), positions)
