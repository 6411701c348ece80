"""Dagster's web server on 127.0.0.1, for requests of its own pages only.

It has no login, and it runs a mutation of GraphQL from the query of any GET. So a page of another site could start
runs through the browser of the user: such requests are refused here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from shoplake.orchestration import logins
from shoplake.orchestration.instance import URL_VARIABLE
from shoplake.orchestration.servers.processes import HOST

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

NAMES = (HOST, "localhost")
OWN = ("", "same-origin", "none")
"""Values of `Sec-Fetch-Site` of requests that no other site has caused. Programs do not send it."""


class OwnPagesOnly:
    """Passes requests on to an app, except those for another host name or from pages of another site."""

    def __init__(self, app: App, port: int) -> None:
        self._app = app
        self._port = port

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """As ASGI declares it."""
        if scope["type"] == "lifespan" or self.allows(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            headers = [(b"content-type", b"text/plain")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": b"only pages of this server may do that\n"})

    def allows(self, scope: Message) -> bool:
        """Whether a request was made by a page of this server, by a program, or is a link to one of its pages."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if not self._is_ours(f"http://{headers.get('host', '')}"):
            return False
        link = scope["type"] == "http" and scope["method"] == "GET" and "/graphql" not in scope["path"]
        if link and headers.get("sec-fetch-mode") == "navigate":
            return True
        origin = headers.get("origin")
        return headers.get("sec-fetch-site", "") in OWN and (origin is None or self._is_ours(origin))

    def _is_ours(self, address: str) -> bool:
        try:
            parts = urlsplit(address)
            return parts.hostname in NAMES and parts.port == self._port
        except ValueError:
            return False


def main(port: int) -> None:
    """Serve the workspace of the current folder until SIGINT."""
    logins.renew(os.environ.get(URL_VARIABLE, ""))
    import uvicorn
    from dagster import DagsterInstance
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import WorkspaceFileTarget
    from dagster_webserver.app import create_app_from_workspace_process_context
    from dagster_webserver.version import __version__

    with DagsterInstance.get() as records:
        records.optimize_for_webserver(statement_timeout=15_000, pool_recycle=3_600, max_overflow=20)
        workspace = WorkspaceFileTarget(["workspace.yaml"])
        with WorkspaceProcessContext(records, version=__version__, workspace_load_target=workspace) as context:
            app = create_app_from_workspace_process_context(context)
            uvicorn.run(OwnPagesOnly(app, port), host=HOST, port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]))
