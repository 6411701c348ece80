"""Metrics of the semantic layer, from the published gold tables."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

from fastapi import Query, Request
from starlette.responses import Response

from shoplake.api import answers
from shoplake.api.models import Metric, One
from shoplake.api.parameters import LONGEST_POSITIONS, MOST_ROWS, PathName
from shoplake.api.routes.common import responses
from shoplake.api.routes.common import router as routes

if TYPE_CHECKING:
    from shoplake.settings import Settings
    from shoplake.warehouse.metrics.query import Answer

router = routes("metrics")

TIMEOUT_S = 20.0


@router.get("/metrics/{name}", response_model=One[Metric], responses=responses(304, 404))
async def metric(
    request: Request,
    name: PathName,
    by: Annotated[
        str, Query(max_length=LONGEST_POSITIONS, description="Dimensions to group by, with commas.", examples=["day"])
    ] = "",
    since: Annotated[date | None, Query(description="First day that counts, UTC.")] = None,
    until: Annotated[date | None, Query(description="Last day that counts, UTC.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS, description="Rows at most.")] = MOST_ROWS,
) -> Response:
    """A metric, of the positions of the last build of the warehouse. Money is always grouped by currency."""
    state = request.app.state
    names = [one.strip() for one in by.split(",") if one.strip()]
    found, unit = await state.work.run(lambda: _answer(state.settings, name, names, since, until, limit))
    data = {
        "metric": name,
        "unit": unit,
        "columns": found.result.columns,
        "rows": found.result.rows,
        "truncated": found.truncated,
    }
    return answers.one(request, data, found.positions)


def _answer(
    settings: Settings, name: str, by: list[str], since: date | None, until: date | None, limit: int
) -> tuple[Answer, str]:
    from shoplake.query.result import Limits  # DuckDB and PyIceberg take a second to import
    from shoplake.warehouse.metrics import definitions
    from shoplake.warehouse.metrics.query import answer
    from shoplake.warehouse.metrics.sql import Question, compiled

    known = definitions.of_project()
    wanted = compiled(known, Question(name, by, since, until))
    return answer(settings, wanted, Limits(limit, TIMEOUT_S)), known.metric(name).unit
