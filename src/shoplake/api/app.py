"""The application: its stores, its routes, and the OpenAPI document."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from fastapi import Depends, FastAPI, Request
from starlette.responses import JSONResponse, Response

from shoplake.api import problems
from shoplake.api.access import authorised
from shoplake.api.blocking import BlockingWork
from shoplake.api.middleware import RequestFrame
from shoplake.api.routes import board, catalogue, customers, metrics, orders, platform, products, sessions
from shoplake.api.stores.base import Store
from shoplake.api.stores.dynamodb import DynamoDBStore
from shoplake.api.stores.mongo import MongoStore
from shoplake.api.stores.postgres import PostgresStore
from shoplake.api.stores.redis import RedisStore

if TYPE_CHECKING:
    from shoplake.api.keys import KeyCheck
    from shoplake.settings import Settings

VERSION = "1.0.0"
"""Of the API. A change that breaks clients makes a new prefix, `/v2`."""

_ABOUT = """The data of the shop, from all stores. It is read only.

Each answer has `positions`: everything in the log before these offsets is in it. `at_least` waits until a store has
applied a record. Errors are problem documents (RFC 9457) with a code of shoplake."""


class _Application(FastAPI):
    """FastAPI documents each error as `application/json` too, which no error is."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        found = super().openapi()
        for methods in found["paths"].values():
            for operation in methods.values():
                for answer in operation["responses"].values():
                    content = answer.get("content", {})
                    if problems.MEDIA_TYPE in content:
                        content.pop("application/json", None)
        return found


def create(settings: Settings, keys: KeyCheck) -> FastAPI:
    """Make the application. Nothing is connected before it starts.

    Args:
        settings: of the environment.
        keys: checks the keys of callers, and signs cursors.
    """
    app = _Application(
        title="shoplake",
        version=VERSION,
        description=_ABOUT,
        openapi_url=None,  # ours needs a key
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.keys = keys
    app.state.stores = _stores(settings)
    app.state.readiness = platform.Readiness(app.state.stores)
    for module in (customers, orders, sessions, products, board, metrics, catalogue, platform):
        app.include_router(module.router)
    app.include_router(platform.health)
    app.add_api_route("/openapi.json", _openapi, dependencies=[Depends(authorised)], include_in_schema=False)
    problems.add_handlers(app)
    app.add_middleware(RequestFrame)
    return app


def _stores(settings: Settings) -> dict[str, Store]:
    stores: list[Store] = [
        PostgresStore(settings.postgres),
        MongoStore(settings.mongo),
        DynamoDBStore(settings.dynamodb),
        RedisStore(settings.redis),
    ]
    return {store.name: store for store in stores}


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the stores, and close them at the end."""
    work = {name: BlockingWork(name, threads) for name, threads in {"work": 2, "catalogue": 1, "platform": 1}.items()}
    async with contextlib.AsyncExitStack() as stack:
        for name, one in work.items():
            setattr(app.state, name, one)
            stack.callback(one.close)
        for store in app.state.stores.values():
            await store.open()
            stack.push_async_callback(store.close)
        yield


async def _openapi(request: Request) -> Response:
    """The OpenAPI document."""
    document: dict[str, Any] = request.app.openapi()
    return JSONResponse(document)
