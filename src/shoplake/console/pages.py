"""Pages of the console. Each is one template; an error of the platform is a page that says what to do."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from fastapi import APIRouter, Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from shoplake.console import live
from shoplake.errors import ShoplakeError, Unauthenticated

if TYPE_CHECKING:
    from shoplake.map.graph import Graph

R = TypeVar("R", bound=Response)
COOKIE = "shoplake-console"
PATH = "/console"
HOSTS = ("127.0.0.1", "localhost")
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
POLICY_OF_A_DASHBOARD = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
RUNS = 50
HITS = 50
router = APIRouter(prefix=PATH, include_in_schema=False)


@router.get("/enter")
async def enter(request: Request, code: str = "") -> Response:
    """Sign a browser in by the link that `shoplake console` prints."""
    try:
        _own_host(request)
        token = request.app.state.sessions.enter(code[:200])
    except Unauthenticated as error:
        return _refused(error)
    answer = RedirectResponse(f"{PATH}/", 303)
    answer.set_cookie(COOKIE, token, path=PATH, httponly=True, samesite="strict")
    return _framed(answer)


@router.post("/leave")
async def leave(request: Request) -> Response:
    """Sign this browser out."""
    request.app.state.sessions.leave(request.cookies.get(COOKIE, ""))
    answer = _page("message.html", {"title": "Signed out", "message": "This browser is signed out.", "fix": ""})
    answer.delete_cookie(COOKIE, path=PATH)
    return answer


@router.get("/")
async def overview(request: Request) -> Response:
    """The platform as it runs."""

    def read() -> Mapping[str, Any]:
        from shoplake.console import picture

        return {"picture": picture.svg(_graph())}

    return await _shown(request, "live.html", read)


@router.get("/live")
async def events(request: Request) -> Response:
    """Samples of the platform as server-sent events."""
    if (refusal := _refusal(request)) is not None:
        return refusal
    sampler: live.Sampler = request.app.state.sampler

    async def stream() -> AsyncIterator[bytes]:
        async for sample in sampler.samples():
            yield b"data: " + msgspec.json.encode(sample) + b"\n\n"

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)


@router.get("/catalogue")
async def catalogue(request: Request, q: str = "", system: str = "") -> Response:
    """All datasets, or those that have some words."""

    def read() -> Mapping[str, Any]:
        from shoplake.map.graph import SYSTEMS
        from shoplake.map.views import description, search

        graph = _graph()
        if q.strip():
            hits = [search.as_json(hit) for hit in search.index(graph).search(q[:200], HITS)]
            return {"hits": hits, "datasets": [], "q": q[:200], "systems": SYSTEMS, "system": system}
        found = [description.summary(one) for one in graph.datasets.values() if system in ("", one.system)]
        return {"hits": [], "datasets": found, "q": "", "systems": SYSTEMS, "system": system}

    return await _shown(request, "catalogue.html", read)


@router.get("/catalogue/{name}")
async def dataset(request: Request, name: str) -> Response:
    """One dataset: columns, owner, neighbours, newest checks."""

    def read() -> Mapping[str, Any]:
        from shoplake.map import names
        from shoplake.map.views import description
        from shoplake.quality import history

        graph = _graph()
        found = names.reference(graph, name).dataset
        checked, problem = None, ""
        try:
            with history.opened(request.app.state.settings) as opened:
                checked = opened.of_dataset(found.id)
        except ShoplakeError as error:
            problem = error.message
        return {"dataset": description.complete(graph, found), "checked": checked, "problem": problem}

    return await _shown(request, "dataset.html", read)


@router.get("/catalogue/{name}/lineage.svg")
async def lineage(request: Request, name: str) -> Response:
    """The lineage of a dataset, one step each way, as a picture."""
    if (refusal := _refusal(request)) is not None:
        return refusal

    def read() -> str:
        from shoplake.map import names
        from shoplake.map.views import lineage_picture
        from shoplake.map.views.lineage import Lineage

        graph = _graph()
        return lineage_picture.svg(Lineage(graph, names.reference(graph, name).dataset.id, ("up", "down"), 1))

    try:
        drawn = await request.app.state.catalogue.run(read)
    except ShoplakeError as error:
        return _failed(error, 404)
    return Response(drawn, media_type="image/svg+xml", headers={"Cache-Control": "no-store"})


@router.get("/quality")
async def quality(request: Request) -> Response:
    """The newest run of the checks."""

    def read() -> Mapping[str, Any]:
        from shoplake.quality import history

        with history.opened(request.app.state.settings) as opened:
            report = opened.report()
        ordered = sorted(report.results, key=lambda one: (one.dataset, one.check))
        by_dataset = {name: list(of) for name, of in itertools.groupby(ordered, key=lambda one: one.dataset)}
        attention = [one for one in ordered if one.outcome != "passed"]
        return {"report": report, "attention": attention, "by_dataset": by_dataset}

    return await _shown(request, "quality.html", read)


@router.get("/runs")
async def runs(request: Request) -> Response:
    """The newest runs of all jobs."""

    def read() -> Mapping[str, Any]:
        from shoplake import run_log

        by_run: dict[str, list[run_log.RunRecord]] = {}
        for record in run_log.records():
            by_run.setdefault(record.run, []).append(record)
        return {"runs": [(found[0], found[-1]) for found in list(by_run.values())[: -RUNS - 1 : -1]]}

    return await _shown(request, "runs.html", read)


@router.get("/dashboards")
async def dashboards(request: Request) -> Response:
    """The dashboards, in a frame: they are the pages of `shoplake dashboards build`."""
    return await _shown(request, "dashboards.html", dict)


@router.get("/dashboards/{name}.html")
async def dashboard(request: Request, name: str) -> Response:
    """A page of `shoplake dashboards build`."""
    if (refusal := _refusal(request)) is not None:
        return refusal
    try:
        pages = await request.app.state.boards.pages()
    except ShoplakeError as error:
        return _failed(error)
    if f"{name}.html" not in pages:
        missing = ShoplakeError(f"there is no dashboard '{name}'", fix="`shoplake dashboards list` lists all")
        return _failed(missing, 404)
    headers = {"Content-Security-Policy": POLICY_OF_A_DASHBOARD, "Cache-Control": "no-store"}
    return HTMLResponse(pages[f"{name}.html"], headers=headers)


async def _shown(request: Request, template: str, read: Callable[[], Mapping[str, Any]]) -> Response:
    """A page for a browser that is signed in, with what `read` finds, in a thread."""
    if (refusal := _refusal(request)) is not None:
        return refusal
    try:
        found = await request.app.state.catalogue.run(read)
    except ShoplakeError as error:
        return _failed(error)
    return _page(template, found)


def _refusal(request: Request) -> Response | None:
    try:
        _own_host(request)
    except Unauthenticated as error:
        return _refused(error)
    if request.app.state.sessions.is_valid(request.cookies.get(COOKIE, "")):
        return None
    return _refused(Unauthenticated("this browser is not signed in", fix="`shoplake console` prints a link that does"))


def _own_host(request: Request) -> None:
    """Refuse a name that another site has pointed at this machine.

    Raises:
        Unauthenticated: the host is not this machine.
    """
    if request.url.hostname not in HOSTS:
        raise Unauthenticated("the console is asked by a foreign name", fix=f"open it at {' or '.join(HOSTS)}")


def _refused(error: Unauthenticated) -> HTMLResponse:
    return _failed(error, 401)


def _failed(error: ShoplakeError, status: int = 503) -> HTMLResponse:
    found = {"title": "This page cannot be shown", "message": error.message, "fix": error.fix or ""}
    return _page("message.html", found, status)


def _page(template: str, values: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    return _framed(HTMLResponse(_templates().get_template(template).render(values), status))


def _framed(answer: R) -> R:
    answer.headers.update(
        {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    )
    return answer


@cache
def _templates() -> Environment:
    made = Environment(loader=PackageLoader(__package__ or ""), autoescape=True, undefined=StrictUndefined)
    made.filters["time"] = lambda ms: f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
    return made


def _graph() -> Graph:
    from shoplake.map import project  # the parser of SQL, and two seconds at the first use

    return project.graph()


class Boards:
    """The pages of all dashboards, drawn again after a build or a verification of the warehouse."""

    def __init__(self, environment: str) -> None:
        self._environment = environment
        self._lock = asyncio.Lock()
        self._version: str | None = None
        self._pages: Mapping[str, str] = {}

    async def pages(self) -> Mapping[str, str]:
        """File name -> page.

        Raises:
            ShoplakeError: the warehouse was not built, or a store does not answer.
        """
        async with self._lock:
            version = await asyncio.to_thread(self._newest)
            if version != self._version:
                self._pages = await asyncio.to_thread(self._draw)
                self._version = version
            return self._pages

    def _newest(self) -> str:
        from shoplake import run_log

        newest = run_log.newest(("warehouse", "verify"), self._environment, ended=True)
        return newest.run if newest else ""

    def _draw(self) -> Mapping[str, str]:
        from shoplake.dashboards import build

        return build.made(self._environment).pages
