"""Answers with data: the envelope with the positions, the entity tag, and conditional requests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import Request
from starlette.responses import Response

from shoplake.api.parameters import compact
from shoplake.positions import Positions

POSITIONS = "Shoplake-Positions"
"""Header: everything in the log before these offsets is in the answer."""

_JSON = msgspec.json.Encoder(enc_hook=str)
_HEADERS = {"Cache-Control": "private, no-cache"}


def one(request: Request, data: Any, positions: Positions) -> Response:  # noqa: ANN401 - anything that JSON has
    """An answer with one object."""
    return _answer(request, b'"data":' + encode(data), positions)


def page(request: Request, rows: Sequence[Any], following: str | None, positions: Positions) -> Response:
    """An answer with the rows of a page, and the cursor of the next one."""
    return _answer(request, b'"data":' + encode(rows) + b',"next":' + encode(following), positions)


def encode(value: Any) -> bytes:  # noqa: ANN401 - anything that a store returns
    """JSON. A value of a type that JSON does not have becomes a text."""
    return _JSON.encode(value)


def _answer(request: Request, members: bytes, positions: Positions) -> Response:
    # The tag is of the data only: what is applied to other rows moves the positions, and changes nothing here.
    tag = f'W/"{hashlib.blake2b(members, digest_size=12).hexdigest()}"'
    place = compact(positions)
    headers = {**_HEADERS, "ETag": tag, POSITIONS: place}
    if _matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    body = b"{" + members + b',"positions":' + place.encode("ascii") + b"}"
    return Response(body, headers=headers, media_type="application/json")


def _matches(given: str | None, tag: str) -> bool:
    if given is None:
        return False
    tags = [one.strip() for one in given.split(",")]
    return "*" in tags or tag.removeprefix("W/") in (one.removeprefix("W/") for one in tags)
