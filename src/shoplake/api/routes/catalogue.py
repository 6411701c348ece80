"""Datasets and their lineage, from the map. No store is read, so the answers have no positions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Query, Request
from starlette.responses import Response

from shoplake.api import answers
from shoplake.api.models import One, Page
from shoplake.api.parameters import PAGE_ROWS, Limit, PathName
from shoplake.api.routes.common import responses
from shoplake.api.routes.common import router as routes
from shoplake.positions import Positions

if TYPE_CHECKING:
    from shoplake.map.graph import Direction, Graph

router = routes("catalogue")

AnyObject = dict[str, Any]


@router.get("/datasets", response_model=Page[AnyObject], responses=responses(304))
async def datasets(
    request: Request,
    system: Annotated[str | None, Query(max_length=100, description="Only of this system, such as gold.")] = None,
    owner: Annotated[str | None, Query(max_length=100, description="Only of this owner.")] = None,
    q: Annotated[str | None, Query(max_length=200, description="Words in the name or description.")] = None,
    limit: Limit = PAGE_ROWS,
) -> Response:
    """Datasets of all systems. With `q` the best hits, which may be columns."""

    def read(graph: Graph) -> list[AnyObject]:
        from shoplake.map.views import description, search

        if q:
            return [dict(search.as_json(hit)) for hit in search.index(graph).search(q, limit)]
        every = graph.datasets.values()
        found = [one for one in every if system in (None, one.system) and owner in (None, one.owner)]
        return [description.summary(one) for one in found[:limit]]

    return answers.page(request, await _read(request, read), None, Positions())


@router.get("/datasets/{name}", response_model=One[AnyObject], responses=responses(304, 404))
async def dataset(request: Request, name: PathName) -> Response:
    """A dataset with its columns, their data classes, and its neighbours."""

    def read(graph: Graph) -> AnyObject:
        from shoplake.map import names
        from shoplake.map.views import description

        return description.complete(graph, names.dataset(graph, name))

    return answers.one(request, await _read(request, read), Positions())


@router.get("/lineage/{name}", response_model=One[AnyObject], responses=responses(304, 404))
async def lineage(
    request: Request,
    name: PathName,
    direction: Annotated[Literal["up", "down", "both"], Query(description="Where it comes from, goes to.")] = "both",
    depth: Annotated[int | None, Query(ge=1, le=100, description="Steps at most.")] = None,
) -> Response:
    """Where a dataset or a column comes from, and where it goes to."""

    def read(graph: Graph) -> AnyObject:
        from shoplake.map import names
        from shoplake.map.views.lineage import Lineage

        both: tuple[Direction, ...] = ("up", "down")
        directions = [one for one in both if direction in (one, "both")]
        return Lineage(graph, str(names.reference(graph, name)), directions, depth).as_json()

    return answers.one(request, await _read(request, read), Positions())


async def _read(request: Request, read: Callable[[Graph], Any]) -> Any:  # noqa: ANN401 - anything that JSON has
    def work() -> Any:  # noqa: ANN401
        from shoplake.map import project  # the parser of SQL, and two seconds at the first use

        return read(project.graph())

    return await request.app.state.catalogue.run(work)
