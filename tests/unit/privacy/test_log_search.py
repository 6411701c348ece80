"""Which records contain a text: as bytes, as JSON writes it, and in what a dead letter has kept."""

from __future__ import annotations

import base64
import json

import pytest

from shoplake.privacy.log_search import Record, parts, pattern


def found(
    text: str, value: bytes | None, *, key: bytes | None = None, whole: bool = False, is_letter: bool = False
) -> bool:
    return any(map(pattern([text], whole=whole).search, parts(key, value, is_letter=is_letter)))


def letter(value: bytes, key: bytes = b"") -> bytes:
    kept = {"value_base64": base64.b64encode(value).decode(), "key_base64": base64.b64encode(key).decode()}
    return json.dumps(kept).encode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b'{"session_id":"s-1-14"}', True),
        (b'{"session_id":"s-1-147"}', False),
        (b'{"session_id":"s-1-14-2"}', False),
        (b'{"session_id":"xs-1-14"}', False),
        (b"s-1-14", True),
    ],
)
def test_an_id_is_found_only_as_a_whole(value: bytes, expected: bool) -> None:
    assert found("s-1-14", value, whole=True) == expected
    assert found("s-1-14", value)


@pytest.mark.parametrize("name", ["Zoë Müller", 'a "quoted" name', "back\\slash", "a.b*c"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_value_is_found_however_json_writes_it(name: str, ascii_only: bool) -> None:
    value = json.dumps({"name": name}, ensure_ascii=ascii_only).encode()
    assert found(name, value)
    assert not found(name, b'{"name":"another"}')


def test_a_key_without_a_value_is_found() -> None:
    assert found("c-1", None, key=b"c-1", whole=True)
    assert not found("c-1", None, key=b"c-11", whole=True)


def test_what_a_dead_letter_has_kept_is_found() -> None:
    value = letter(b'{"email":"anna@example.com"', key=b"c-9")
    assert found("anna@example.com", value, is_letter=True)
    assert found("c-9", value, is_letter=True, whole=True)
    assert not found("anna@example.com", value)
    assert found("broken", b'{"value_base64": "broken', is_letter=True)


def test_a_record_is_written_as_json_or_text() -> None:
    assert Record("orders", 1, 7, b"o-1", b'{"a": 1}').as_json() == {
        "place": "orders-1@7",
        "key": "o-1",
        "value": {"a": 1},
    }
    assert Record("orders", 1, 8, None, b"{cut").as_json()["value"] == "{cut"
    assert Record("orders", 1, 9, b"\xff", None).as_json() == {"place": "orders-1@9", "key": "\ufffd", "value": None}
