"""The live board, from Redis."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from shoplake.api import answers
from shoplake.api.models import Board, One
from shoplake.api.parameters import AtLeastParameter
from shoplake.api.routes.common import Redis, responses
from shoplake.api.routes.common import router as routes
from shoplake.api.stores.redis import TOPICS

router = routes("board")


@router.get("/board", response_model=One[Board], responses=responses(304, 504))
async def board(
    request: Request,
    redis: Redis,
    at_least: AtLeastParameter,
    day: Annotated[date | None, Query(description="UTC. The newest day with events if absent.")] = None,
    products: Annotated[int, Query(ge=1, le=1000, description="How many of the products that sold most.")] = 10,
) -> Response:
    """Revenue per minute and currency, the funnel of a day, and the products that sold most on all days."""
    await redis.wait(TOPICS, at_least)
    found, positions = await redis.board(day.isoformat() if day else None, products)
    data = {
        "day": found.day,
        "revenue": [
            {"currency": currency or None, "total_cents": sum(minutes.values()), "minutes": minutes}
            for currency, minutes in found.revenue.items()
        ],
        "funnel": found.funnel,
        "top_products": [{"product_id": product, "units": units} for product, units in found.top.items()],
    }
    return answers.one(request, data, positions.of_topics(TOPICS))
