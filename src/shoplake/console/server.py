"""Adds the pages of the console to the application of the API."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.staticfiles import StaticFiles

from shoplake.api.blocking import BlockingWork
from shoplake.console import live, pages
from shoplake.console.sessions import Sessions

if TYPE_CHECKING:
    from fastapi import FastAPI

    from shoplake.settings import Settings

NAME = "console"
log = logging.getLogger("shoplake.console")


def prepare(settings: Settings) -> None:
    """Read the map and look at the platform once, so that the first page does not wait for imports."""
    from shoplake.map import project

    project.graph()
    live.sample(settings)


def extend(app: FastAPI) -> None:
    """Add the pages. The sessions end with the server."""
    settings = app.state.settings

    async def take(before: live.Sample | None) -> live.Sample:
        try:
            work: BlockingWork = app.state.platform
            return await work.run(lambda: live.sample(settings, before))
        except Exception:  # a mistake of ours must not leave the browsers without samples
            log.exception("the platform could not be looked at")
            return live.Sample(
                before.at_ms if before else 0, problem="the platform could not be looked at; see the log"
            )

    app.state.sessions = Sessions(app.state.keys.secret)
    app.state.sampler = live.Sampler(take)
    app.state.boards = pages.Boards(settings.environment)
    app.include_router(pages.router)
    app.mount(f"{pages.PATH}/static", StaticFiles(packages=[(__package__, "static")]))
