"""The platform itself: servers, lag of each store, and whether the API works."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from shoplake.api import answers
from shoplake.api.models import Health, One
from shoplake.api.routes.common import responses
from shoplake.api.routes.common import router as routes
from shoplake.errors import ApiError, ShoplakeError
from shoplake.positions import Place, Positions

if TYPE_CHECKING:
    from shoplake.api.stores.base import Store
    from shoplake.settings import Settings

router = routes("platform")
health = APIRouter(tags=["platform"])

LAG_WITHIN_S = 15.0
READY_FOR_S = 1.0
"""Lifetime of the result of a readiness check: many probes are one."""


@router.get("/stack", response_model=One[dict[str, Any]], responses=responses(304))
async def stack(request: Request) -> Response:
    """The servers of the local stack, and how many records each store is behind the log."""
    data, ends = await request.app.state.platform.run(lambda: _stack(request.app.state.settings))
    return answers.one(request, data, ends)


@health.get("/healthz", response_model=Health)
async def healthz() -> Response:
    """Whether the API itself works."""
    return JSONResponse({"status": "ok", "dependencies": {}})


@health.get("/readyz", response_model=Health, responses={503: {"description": "Some do not.", "model": Health}})
async def readyz(request: Request) -> Response:
    """Whether each store answers."""
    found = await request.app.state.readiness.check()
    is_ready = all(state == "ok" for state in found.values())
    body = {"status": "ok" if is_ready else "degraded", "dependencies": found}
    return JSONResponse(body, 200 if is_ready else 503)


class Readiness:
    """Asks all stores at once, one check at a time."""

    def __init__(self, stores: dict[str, Store]) -> None:
        self._stores = stores
        self._lock = asyncio.Lock()
        self._found: dict[str, str] = {}
        self._at = 0.0

    async def check(self) -> dict[str, str]:
        """Store -> `ok` or `down`, of the last second."""
        async with self._lock:
            if time.monotonic() - self._at > READY_FOR_S or not self._found:
                states = await asyncio.gather(*map(self._ask, self._stores.values()))
                self._found = dict(zip(self._stores, states, strict=True))
                self._at = time.monotonic()
            return self._found

    async def _ask(self, store: Store) -> str:
        try:
            await store.ping()
        except ApiError:
            return "down"
        return "ok"


def _stack(settings: Settings) -> tuple[dict[str, Any], Positions]:
    """The servers, the lag of each sink, and the committed ends of the log."""
    from shoplake import stack as servers
    from shoplake.sinks import SINKS
    from shoplake.streaming.lag import lags  # with the lake's sink, which takes a second to import

    found = asyncio.run(lags(settings, SINKS, within_s=LAG_WITHIN_S))
    ends = {Place(*one.partition): one.end for sink in found for one in sink.partitions}
    states: dict[str, str] = {}
    if settings.environment == "local":
        try:
            states = {server.name: server.state for server in servers.status().servers}
        except ShoplakeError as error:
            states = {"stack": error.message}
    data = {
        "environment": settings.environment,
        "servers": states,
        "lag": {one.name: None if one.problem else one.lag for one in found},
        "problems": {one.name: one.problem for one in found if one.problem},
    }
    return data, Positions(ends)
