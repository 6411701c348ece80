"""What the readers make of documents, and how a version that cannot be simulated is refused."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from shoplake.errors import VerifyFailed
from shoplake.verify.comparison import compare
from shoplake.verify.simulation import simulated_sums
from shoplake.verify.stores import dynamodb
from shoplake.verify.stores.documents import as_row, as_text, create_found, flattened, insert_documents
from shoplake.verify.stores.dynamodb_pages import Pages, plain

KINDS = {"_id": "VARCHAR", "pages": "BIGINT", "open": "BOOLEAN", "unknown_fields": "VARCHAR"}


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "VARCHAR", None),
        ("a", "VARCHAR", "a"),
        (5, "BIGINT", "5"),
        (True, "BOOLEAN", "true"),
        (datetime(2024, 1, 1, 12, 0, 0, 1000), "VARCHAR", "2024-01-01T12:00:00.001Z"),
        (datetime(2024, 1, 1, tzinfo=UTC), "VARCHAR", "2024-01-01T00:00:00.000Z"),
        ({"b": {"n": 1}, "a": "ö"}, "VARCHAR", '{"a":"ö","b":{"n":1}}'),
        ("5", "BIGINT", '"5"'),  # a string where a number belongs differs from the number
        (5.5, "BIGINT", "5.5"),
    ],
)
def test_a_value_becomes_the_text_that_duckdb_prints(value: object, kind: str, text: str | None) -> None:
    assert as_text(value, kind) == text


def test_absent_and_null_fields_are_null_and_bookkeeping_is_left_out() -> None:
    assert as_row({"_id": "a", "pages": None, "rev": 3, "folded": {"x": 1}}, KINDS) == ["a", None, None, None]


def test_a_field_that_the_data_model_does_not_have_is_kept_to_be_reported() -> None:
    assert as_row({"_id": "a", "pages": 1, "colour": "red"}, KINDS) == ["a", "1", None, '{"colour":"red"}']


def test_sections_become_dotted_columns() -> None:
    document = {"_id": "c1", "folded": {"orders-1": 5}, "orders": {"placed": 1, "by": {"year": 2}}}
    assert flattened(document) == {"_id": "c1", "orders.placed": 1, "orders.by.year": 2}


def test_attribute_values_lose_their_type_tags() -> None:
    cart = {"M": {"p1": {"M": {"quantity": {"N": "2"}, "unit_price_cents": {"N": "-1"}}}}}
    assert plain(cart) == {"p1": {"quantity": 2, "unit_price_cents": -1}}
    others: list[Any] = [plain(value) for value in ({"N": "1.5"}, {"NULL": True}, {"BOOL": False}, {"SS": ["x"]})]
    assert others == [1.5, None, False, {"SS": ["x"]}]


ITEMS = {"pk": "VARCHAR", "cart": "VARCHAR", "pages": "BIGINT", "unknown_fields": "VARCHAR"}
SOUND = b'{"pk":{"S":"s1"},"cart":{"M":{"p2":{"M":{"n":{"N":"2"}}},"p1":{"M":{}}}},"pages":{"N":"3"},"rev":{"N":"9"}}'
BARE = b'{"pk":{"S":"s2"},"cart":{"M":{}}}'


def test_a_page_becomes_columns_of_text() -> None:
    found = Pages(ITEMS).columns(b"[" + SOUND + b"," + BARE + b"]")
    assert found == [["s1", "s2"], ['{"p1":{},"p2":{"n":2}}', "{}"], ["3", None], [None, None]]


def test_a_page_of_no_items_is_columns_of_nothing() -> None:
    assert Pages(ITEMS).columns(b"[]") == [[], [], [], []]


@pytest.mark.parametrize(
    ("item", "row"),
    [
        (b'{"pk":{"S":"x"},"colour":{"S":"red"}}', ["x", None, None, '{"colour":"red"}']),
        (b'{"pk":{"S":"x"},"pages":{"S":"3"}}', ["x", None, '"3"', None]),
        (b'{"pk":{"S":"x"},"cart":{"L":[{"N":"1"}]}}', ["x", "[1]", None, None]),
        (b'{"pk":{"S":"x"},"pages":{"NULL":true}}', ["x", None, None, None]),
        (b'{"pk":{"S":"x"},"cart":{"SS":["a"]}}', ["x", '{"SS":["a"]}', None, None]),
    ],
)
def test_what_the_data_model_does_not_have_is_kept_to_be_reported(item: bytes, row: list[str | None]) -> None:
    found = Pages(ITEMS).columns(b"[" + SOUND + b"," + item + b"]")
    assert [column[1] for column in found] == row
    assert [column[0] for column in found] == [column[0] for column in Pages(ITEMS).columns(b"[" + SOUND + b"]")]


def test_a_session_past_its_ttl_may_be_gone_but_not_be_wrong(database: duckdb.DuckDBPyConnection) -> None:
    old, new = int(time.time()) - 10, int(time.time()) + 1000
    sessions = [("gone", old, 1), ("wrong", old, 1), ("kept", old, 1), ("lost", new, 1)]
    rows = ", ".join(f"('{pk}', {expires}, {pages}, NULL::VARCHAR)" for pk, expires, pages in sessions)
    database.execute(
        f"CREATE TABLE {dynamodb.SESSIONS.expected} AS FROM (VALUES {rows}) AS t(pk, expires_at, pages, unknown_fields)"
    )
    create_found(database, dynamodb.SESSIONS)
    held = [{"pk": "wrong", "expires_at": old, "pages": 2}, {"pk": "kept", "expires_at": old, "pages": 1}]
    insert_documents(database, dynamodb.SESSIONS, held)
    dynamodb.settle(database)
    result = compare(database, dynamodb.SESSIONS)
    assert [(f.kind, f.key) for f in result.findings] == [("lost", "lost"), ("differing", "wrong")]
    assert result.expected == 3


def test_events_of_another_version_of_the_simulator_are_refused_by_its_number(tmp_path: Path) -> None:
    progress = {"publisher": "demo-7", "version": -1, "events": 10, "scenario": {}, "seed": 7}
    with pytest.raises(VerifyFailed, match="'demo-7' used version -1 of the simulator"):
        simulated_sums([progress], tmp_path)
