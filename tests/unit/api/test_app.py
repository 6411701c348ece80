"""The application without stores: keys, roles, problem documents, request ids and the OpenAPI document."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from shoplake.api import access
from shoplake.api.app import create
from shoplake.api.keys import KeyCheck
from shoplake.api.openapi import document, placeholders
from shoplake.errors import SinkError

from .asgi import get

KEY = "a-key"
WITH_KEY = {"X-API-Key": KEY}


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create(placeholders(), KeyCheck.of(KEY))


def routes(app: FastAPI) -> Iterator[str]:
    yield from document()["paths"]
    yield "/openapi.json"


def test_the_table_of_permissions_has_every_route_and_no_other(app: FastAPI) -> None:
    assert set(routes(app)) == set(access.ROUTES) | access.PUBLIC


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "other"}, {"Authorization": "Bearer other"}, {"X-API-Key": ""}])
async def test_no_route_answers_without_the_key(app: FastAPI, headers: dict[str, str]) -> None:
    for path in access.ROUTES:
        answer = await get(app, path.replace("{", "").replace("}", ""), headers)
        assert (answer.status, answer.json["code"]) == (401, "SL1401"), path
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("headers", [WITH_KEY, {"Authorization": f"Bearer {KEY}"}, {"Authorization": f"bearer {KEY}"}])
async def test_the_key_is_taken_in_both_headers(app: FastAPI, headers: dict[str, str]) -> None:
    assert (await get(app, "/openapi.json", headers)).status == 200


@pytest.mark.parametrize("role", access.ROLES)
async def test_each_route_is_open_to_its_role_and_those_above_it(
    app: FastAPI, role: access.Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KeyCheck, "principal", lambda self, key: access.Principal("someone", role))
    for path, needed in access.ROUTES.items():
        # A parameter that is not valid is refused after the role, so no store is asked.
        answer = await get(
            app, f"{path.replace('{', '').replace('}', '')}?limit=x&wait_s=x&depth=x&products=x", WITH_KEY
        )
        permitted = access.ROLES.index(role) >= access.ROLES.index(needed)
        assert (answer.status == 403) is not permitted, (path, answer.body)


async def test_personal_values_in_clear_need_the_role_operator(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KeyCheck, "principal", lambda self, key: access.Principal("someone", "analyst"))
    answer = await get(app, "/v1/customers/c1?mask=false", WITH_KEY)
    assert (answer.status, answer.json["code"]) == (403, "SL1402")


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("/v1/nothing", 404, "SL1403"),
        ("/v1/orders?limit=0", 422, "SL1404"),
        ("/v1/orders?limit=1001", 422, "SL1404"),
        ("/v1/orders?cursor=abc", 422, "SL1404"),
        ("/v1/orders?placed_from=0001-01-01T00:00:00%2B14:00", 422, "SL1404"),
        ("/v1/orders?at_least=%FF", 422, "SL1404"),
        ("/v1/orders?customer_id=%00", 422, "SL1404"),
        ("/v1/orders/" + "x" * 65, 422, "SL1404"),
        ("/v1/orders/a%00b", 422, "SL1404"),
        ("/v1/customers?country=%C3%A9", 422, "SL1404"),
        ("/v1/board?day=2026-02-30", 422, "SL1404"),
    ],
)
async def test_a_wrong_request_is_a_problem_document(app: FastAPI, target: str, status: int, code: str) -> None:
    answer = await get(app, target, {**WITH_KEY, "X-Request-Id": "mine-1"})
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    assert {"type", "title", "detail", "fix"} <= set(answer.json)
    assert (answer.json["code"], answer.json["status"], answer.json["request_id"]) == (code, status, "mine-1")
    assert answer.headers["x-request-id"] == "mine-1"


async def test_another_method_is_refused_and_the_allowed_one_named(app: FastAPI) -> None:
    answer = await get(app, "/v1/orders", WITH_KEY, method="POST")
    assert (answer.status, answer.headers["allow"]) == (405, "GET")


async def test_a_request_id_that_is_not_one_is_replaced(app: FastAPI) -> None:
    answer = await get(app, "/healthz", {"X-Request-Id": "a b\tc"})
    assert len(answer.headers["x-request-id"]) == 32


async def test_a_mistake_of_ours_is_a_problem_without_a_trace(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: object) -> Any:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("shoplake.api.routes.platform.Readiness.check", broken)
    answer = await get(app, "/readyz")
    assert (answer.status, answer.json["code"]) == (500, "SL1400")
    assert b"secret" not in answer.body
    assert "secret detail" in caplog.text


async def test_more_requests_at_once_than_allowed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from shoplake.api.middleware import RequestFrame

    app = create(placeholders(), KeyCheck.of(KEY))
    answer = await get(RequestFrame(app, at_once=0), "/healthz")
    assert (answer.status, answer.json["code"], answer.headers["retry-after"]) == (503, "SL1407", "1")


def test_every_documented_route_says_what_its_errors_look_like() -> None:
    found = document()
    assert found["openapi"].startswith("3.1")
    for path, methods in found["paths"].items():
        assert set(methods) == {"get"}
        answers = methods["get"]["responses"]
        if path not in access.PUBLIC:
            assert {"401", "403", "422", "503"} <= set(answers), path
            assert set(answers["422"]["content"]) == {"application/problem+json"}, path
            assert methods["get"]["security"], path


def test_every_dependency_is_asynchronous() -> None:
    """A plain function would run in a thread, for each request."""
    for function in (access.principal, access.authorised, access.masked):
        assert inspect.iscoroutinefunction(function)


def test_errors_of_stores_are_not_server_errors() -> None:
    from shoplake.api.problems import status_of

    assert {status_of(kind("x")) for kind in SinkError.__subclasses__() if kind.__name__ != "Backpressure"} == {503}
