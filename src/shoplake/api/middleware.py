"""What happens around every request: its id, a limit of requests at once, and an answer whatever goes wrong."""

from __future__ import annotations

import logging
import re
import uuid
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shoplake.api import problems
from shoplake.errors import ApiError, TooManyRequests

REQUEST_ID = "X-Request-Id"
AT_ONCE = 512
"""Requests that are answered at the same time. More are refused at once, so that memory stays bounded."""

_VALID_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}", re.ASCII)
log = logging.getLogger("shoplake.api")


class RequestFrame:
    """Gives each request an id, keeps its path percent-encoded, and answers errors that nothing else has caught."""

    def __init__(self, app: ASGIApp, at_once: int = AT_ONCE) -> None:
        self._app = app
        self._at_once = at_once
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = given if _VALID_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        # An id may contain a slash, as %2F. So routes match the path as it was sent; `parameters.py` decodes the ids.
        scope["path"] = scope.get("raw_path", b"").decode("latin-1") or quote(scope["path"])
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        if self._running >= self._at_once:
            busy = TooManyRequests(f"{self._at_once} requests are being answered", fix="ask again", retry_after_s=1)
            await problems.response(busy, request_id)(scope, receive, sending)
            return
        self._running += 1
        try:
            await self._app(scope, receive, sending)
        except Exception:
            log.exception("request %s failed", request_id)
            if started:
                raise
            bug = ApiError("the request failed by a mistake of the API", fix="report it with the request id")
            await problems.response(bug, request_id)(scope, receive, sending)
        finally:
            self._running -= 1
