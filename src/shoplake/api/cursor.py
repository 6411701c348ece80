"""Cursors of pages: the key of the last row, signed, and bound to the filters of the query."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping, Sequence

from shoplake.errors import InvalidRequest

TAG_BYTES = 12
LONGEST = 2_000
"""Characters. Two ids of 64 characters, as JSON in base64, take less than 1,100."""


def encode(secret: bytes, key: Sequence[str], query: Mapping[str, object]) -> str:
    """A cursor after a row.

    Args:
        secret: signs it.
        key: the key of the row.
        query: the route and its filters; the cursor is valid for these only.
    """
    text = json.dumps(list(key), separators=(",", ":")).encode("ascii")
    return base64.urlsafe_b64encode(_tag(secret, text, query) + text).decode("ascii").rstrip("=")


def decode(secret: bytes, cursor: str, query: Mapping[str, object], parts: int) -> tuple[str, ...]:
    """The key of the row after which the page starts.

    Raises:
        InvalidRequest: this server did not make the cursor, or made it for another query.
    """
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise _refusal() from error
    tag, text = raw[:TAG_BYTES], raw[TAG_BYTES:]
    if not hmac.compare_digest(tag, _tag(secret, text, query)):
        raise _refusal()
    key: list[str] = json.loads(text)
    if len(key) != parts:
        raise _refusal()
    return tuple(key)


def _tag(secret: bytes, text: bytes, query: Mapping[str, object]) -> bytes:
    bound = json.dumps(query, sort_keys=True, default=str).encode("ascii")
    return hmac.digest(secret, len(text).to_bytes(4, "big") + text + bound, "sha256")[:TAG_BYTES]


def _refusal() -> InvalidRequest:
    return InvalidRequest(
        "`cursor`: expected the value of `next` of an answer to the same query, found another text",
        fix="repeat the query without `cursor`, and take `next` from each answer",
    )
