"""The web server takes requests of its own pages and of programs, and none that another site has caused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shoplake.orchestration.servers.web import OwnPagesOnly

OWN = {"host": "127.0.0.1:3000"}
FROM_ELSEWHERE = {"sec-fetch-site": "cross-site"}


def answered(headers: dict[str, str], *, path: str = "/graphql", kind: str = "http", method: str = "POST") -> bool:
    """Whether a request reaches the application."""
    reached, sent = [], []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["path"])

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": f"{kind}.connect"}

    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": kind, "method": method, "path": path, "headers": lines}
    asyncio.run(OwnPagesOnly(app, 3000)(scope, receive, send))
    assert bool(reached) != bool(sent)
    return bool(reached)


@pytest.mark.parametrize(
    ("headers", "request_"),
    [
        (OWN, {}),
        (OWN | {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:3000"}, {}),
        (OWN | {"origin": "http://localhost:3000"}, {"kind": "websocket"}),
        (OWN | FROM_ELSEWHERE | {"sec-fetch-mode": "navigate"}, {"path": "/runs", "method": "GET"}),
    ],
)
def test_own_pages_programs_and_links_are_answered(headers: dict[str, str], request_: dict[str, str]) -> None:
    assert answered(headers, **request_)


@pytest.mark.parametrize(
    ("headers", "request_"),
    [
        (OWN | FROM_ELSEWHERE, {"method": "GET"}),
        (OWN | FROM_ELSEWHERE | {"sec-fetch-mode": "navigate"}, {"method": "GET"}),
        (OWN | {"origin": "http://evil.example"}, {}),
        (OWN | {"origin": "http://127.0.0.1:4000"}, {"kind": "websocket"}),
        (OWN | {"origin": "null"}, {}),
        ({"host": "evil.example:3000"}, {}),
        ({}, {}),
    ],
)
def test_requests_that_another_site_has_caused_are_refused(headers: dict[str, str], request_: dict[str, str]) -> None:
    assert not answered(headers, **request_)
