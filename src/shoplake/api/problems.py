"""Errors as problem details (RFC 9457), with the codes of `errors.py`. No answer has a stack trace."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from shoplake import docs_links, errors
from shoplake.errors import ApiError, InvalidRequest, NotFound, ShoplakeError

MEDIA_TYPE = "application/problem+json"
STATUSES: Mapping[type[ShoplakeError], int] = {
    errors.UnknownName: 404,
    errors.UsageError: 422,
    errors.MissingExtra: 503,
    errors.WarehouseError: 503,
    errors.MapError: 503,
    errors.StackError: 503,
    errors.InfraError: 503,
    errors.SinkError: 503,
    errors.StreamHalted: 503,
}
"""Error of another package -> status. A subclass has that of its nearest parent."""
LONGEST_ECHO = 200

log = logging.getLogger("shoplake.api")


def add_handlers(app: FastAPI) -> None:
    """Answer every error of an application with a problem document."""
    app.add_exception_handler(ShoplakeError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)


def response(
    error: ShoplakeError, request_id: str = "", headers: Mapping[str, str] | None = None, status: int | None = None
) -> Response:
    """The problem document of an error, with the status of its class or another one."""
    status = status or status_of(error)
    more = dict(error.more) if isinstance(error, ApiError) else {}
    after_s = error.retry_after_s if isinstance(error, ApiError) else 5.0 if status == 503 else None
    document = {
        "type": f"{docs_links.DOCUMENTATION}/reference/errors/#{error.code.lower()}",
        "title": (type(error).__doc__ or "").splitlines()[0],
        "status": status,
        "detail": error.message,
        "code": error.code,
        "fix": error.fix or error.advice,
        "request_id": request_id,
        **more,
    }
    fields = dict(headers or {})
    if after_s is not None:
        fields["Retry-After"] = str(max(1, math.ceil(after_s)))
    if status == 401:
        fields["WWW-Authenticate"] = 'Bearer realm="shoplake"'
    # ASCII: a text of a request may hold half a character, which UTF-8 cannot.
    return Response(json.dumps(document, default=str).encode("ascii"), status, fields, MEDIA_TYPE)


def status_of(error: ShoplakeError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, ApiError):
        return error.status
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)


def shown(value: object) -> str:
    """A value of a request for a message: short, without control characters."""
    text = ascii(value)
    return text if len(text) <= LONGEST_ECHO else f"{text[:LONGEST_ECHO]}…"


async def _of_ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, ShoplakeError)  # noqa: S101 - registered for this class
    if status_of(error) >= 500:
        log.warning("%s %s: %s: %s", request.method, request.scope["path"], error.code, error.message)
    return response(error, _request_id(request))


async def _of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class
    invalid = [
        {
            "in": str(one["loc"][0]),
            "name": ".".join(map(str, one["loc"][1:])),
            "expected": one["msg"],
            "found": shown(one.get("input")),
        }
        for one in error.errors()[:20]
    ]
    first = invalid[0]
    refusal = InvalidRequest(
        f"`{first['name']}` ({first['in']}): {first['expected']}, found {first['found']}",
        fix="correct the parameters listed in `invalid`",
        invalid=invalid,
    )
    return response(refusal, _request_id(request))


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    if error.status_code == 405:
        refusal = NotFound(f"expected GET, found {shown(request.method)}", fix="the API only reads")
    else:
        refusal = NotFound(f"no route has the path {shown(request.scope['path'])}", fix="docs/api.md lists the routes")
    return response(refusal, _request_id(request), error.headers, error.status_code)


def _request_id(request: Request) -> str:
    found: Any = request.scope.get("state", {}).get("request_id", "")
    return str(found)
