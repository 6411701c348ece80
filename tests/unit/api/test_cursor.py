"""Cursors: whatever key goes in comes out, for the same query only, and no other text is accepted."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplake.api import cursor
from shoplake.errors import InvalidRequest

SECRET = b"s" * 32
QUERY = {"route": "orders", "status": None}
IDS = st.text(min_size=1, max_size=64)


@given(IDS, IDS)
def test_a_cursor_gives_back_its_key(order: str, customer: str) -> None:
    made = cursor.encode(SECRET, [order, customer], QUERY)
    assert len(made) <= cursor.LONGEST
    assert made.replace("-", "").replace("_", "").isalnum()
    assert cursor.decode(SECRET, made, QUERY, 2) == (order, customer)


@given(st.text(max_size=200))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="expected the value of `next`"):
        cursor.decode(SECRET, text, QUERY, 2)


@given(st.data())
def test_a_changed_byte_is_refused(data: st.DataObject) -> None:
    made = cursor.encode(SECRET, ["o1", "c1"], QUERY)
    raw = bytearray(base64.urlsafe_b64decode(made + "=" * (-len(made) % 4)))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(InvalidRequest):
        cursor.decode(SECRET, base64.urlsafe_b64encode(raw).decode().rstrip("="), QUERY, 2)


@pytest.mark.parametrize(
    ("secret", "query", "parts"),
    [(b"t" * 32, QUERY, 2), (SECRET, {"route": "orders", "status": "shipped"}, 2), (SECRET, QUERY, 1)],
)
def test_a_cursor_of_another_key_query_or_route_is_refused(secret: bytes, query: dict[str, str], parts: int) -> None:
    made = cursor.encode(SECRET, ["o1", "c1"], QUERY)
    with pytest.raises(InvalidRequest):
        cursor.decode(secret, made, query, parts)
