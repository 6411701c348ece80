"""What the readers make of documents, and how a version that cannot be simulated is refused."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from bson import Int64
from bson.datetime_ms import DatetimeMS

from shoplake.errors import VerifyFailed
from shoplake.verify.comparison import compare
from shoplake.verify.database import columns
from shoplake.verify.simulation_check import simulated_sums
from shoplake.verify.stores import dynamodb
from shoplake.verify.stores.documents import REV, as_row, as_text, create_found, flattened, insert_documents
from shoplake.verify.stores.dynamodb_pages import Pages, plain

KINDS = {"_id": "VARCHAR", "pages": "BIGINT", "open": "BOOLEAN", "unknown_fields": "VARCHAR"}


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ("a", "VARCHAR", "a"),
        (5, "BIGINT", "5"),
        (Int64(5), "BIGINT", "5"),
        (True, "BOOLEAN", "true"),
        (datetime(2024, 1, 1, 12, 0, 0, 1000), "DATE", "2024-01-01T12:00:00.001Z"),
        (datetime(2024, 1, 1, tzinfo=UTC), "DATE", "2024-01-01T00:00:00.000Z"),
        ({"b": {"n": 1}, "a": "ö"}, "MAP", '{"a":"ö","b":{"n":1}}'),
    ],
)
def test_a_value_becomes_the_text_that_duckdb_prints(value: object, kind: str, text: str) -> None:
    assert as_text(value, kind) == text


@pytest.mark.parametrize(
    ("value", "kind", "right"),
    [
        (12345, "VARCHAR", "12345"),
        ("5", "BIGINT", "5"),
        (5.0, "BIGINT", "5"),
        (True, "BIGINT", "1"),
        (1, "BOOLEAN", "true"),
        ("true", "BOOLEAN", "true"),
        ("2024-01-01T00:00:00.000Z", "DATE", "2024-01-01T00:00:00.000Z"),
        (datetime(2024, 1, 1), "VARCHAR", "2024-01-01T00:00:00.000Z"),
        ('{"a":1}', "MAP", '{"a":1}'),
        ({}, "VARCHAR", "{}"),
        (DatetimeMS(10**15), "DATE", "33658-09-27T01:46:40.000Z"),
    ],
)
def test_a_value_of_another_type_is_no_text_that_is_expected(value: object, kind: str, right: str) -> None:
    assert as_text(value, kind) != right
    assert as_text(None, kind) is not None  # a null is no absent field


def test_an_absent_field_is_null_and_a_null_is_reported() -> None:
    assert as_row({"_id": "a", "pages": None}, KINDS) == ["a", "NoneType null", None, None]


@pytest.mark.parametrize(("rev", "text"), [(3, REV), (0, "0"), (-1, "-1"), (1.0, "float 1.0"), ("1", 'str "1"')])
def test_a_rev_is_any_positive_integer(rev: object, text: str) -> None:
    assert as_row({"rev": rev}, {"rev": "VARCHAR"}) == [text]


def test_a_field_that_the_data_model_does_not_have_is_kept_to_be_reported() -> None:
    assert as_row({"_id": "a", "pages": 1, "colour": "red"}, KINDS) == ["a", "1", None, '{"colour":"red"}']


def test_sections_become_dotted_columns() -> None:
    document = {"_id": "c1", "folded": {"orders-1": 5}, "orders": {"placed": 1, "by": {"year": 2}}, "reviews": {}}
    assert flattened(document, whole=("folded",)) == {
        "_id": "c1",
        "folded": {"orders-1": 5},
        "orders.placed": 1,
        "orders.by.year": 2,
        "reviews": {},
    }


def test_a_field_that_is_called_like_one_of_a_section_is_not_taken_for_it() -> None:
    assert flattened({"orders.placed": 1, "orders": {"placed": 2}}) == {"'orders.placed'": 1, "orders.placed": 2}


def test_attribute_values_lose_their_type_tags() -> None:
    cart = {"M": {"p1": {"M": {"quantity": {"N": "2"}, "unit_price_cents": {"N": "-1"}}}}}
    assert plain(cart) == {"p1": {"quantity": 2, "unit_price_cents": -1}}
    others: list[dict[str, Any]] = [{"N": "1.5"}, {"N": "01"}, {"NULL": True}, {"BOOL": False}, {"SS": ["x"]}]
    assert [plain(value) for value in others] == others


ITEMS = {"pk": "VARCHAR", "cart": "MAP", "rev": "VARCHAR", "pages": "BIGINT", "unknown_fields": "VARCHAR"}
SOUND = b'{"pk":{"S":"s1"},"cart":{"M":{"p2":{"M":{"n":{"N":"2"}}},"p1":{"M":{}}}},"pages":{"N":"3"},"rev":{"N":"9"}}'
BARE = b'{"pk":{"S":"s2"},"cart":{"M":{}}}'


def test_a_page_becomes_columns_of_text() -> None:
    found = Pages(ITEMS).columns(b"[" + SOUND + b"," + BARE + b"]")
    assert found == [["s1", "s2"], ['{"p1":{},"p2":{"n":2}}', "{}"], [REV, None], ["3", None], [None, None]]


def test_a_page_of_no_items_is_columns_of_nothing() -> None:
    assert Pages(ITEMS).columns(b"[]") == [[], [], [], [], []]


@pytest.mark.parametrize(
    ("item", "row"),
    [
        (b'{"pk":{"S":"x"},"colour":{"S":"red"}}', {"unknown_fields": '{"colour":"red"}'}),
        (b'{"pk":{"S":"x"},"colour":{"NULL":true}}', {"unknown_fields": '{"colour":{"NULL":true}}'}),
        (b'{"pk":{"S":"x"},"pages":{"S":"3"}}', {"pages": '{"S":"3"}'}),
        (b'{"pk":{"S":"x"},"pages":{"N":"03"}}', {"pages": "03"}),
        (b'{"pk":{"S":"x"},"pages":{"N":"3.0"}}', {"pages": "3.0"}),
        (b'{"pk":{"S":"x"},"pages":{"NULL":true}}', {"pages": '{"NULL":true}'}),
        (b'{"pk":{"S":"x"},"cart":{"L":[{"N":"1"}]}}', {"cart": '{"L":[{"N":"1"}]}'}),
        (b'{"pk":{"S":"x"},"cart":{"SS":["a"]}}', {"cart": '{"SS":["a"]}'}),
        (b'{"pk":{"S":"x"},"cart":{"S":"{}"}}', {"cart": '{"S":"{}"}'}),
        (b'{"pk":{"S":"x"},"cart":{"M":{"p":{"N":"1.0"}}}}', {"cart": '{"p":{"N":"1.0"}}'}),
        (b'{"pk":{"S":"x"},"cart":{"M":{"p":{"S":"1"}}}}', {"cart": '{"p":"1"}'}),
        (b'{"pk":{"S":"x"},"rev":{"N":"0"}}', {"rev": "0"}),
        (b'{"pk":{"S":"x"},"rev":{"S":"1"}}', {"rev": '{"S":"1"}'}),
        (b'{"pk":{"S":"x"},"pages":{"S":"\\ud800"}}', {"pages": '{"S":"\\ud800"}'}),
    ],
)
def test_what_the_data_model_does_not_have_is_kept_to_be_reported(item: bytes, row: dict[str, str]) -> None:
    found = Pages(ITEMS).columns(b"[" + SOUND + b"," + item + b"]")
    assert {name: column[1] for name, column in zip(ITEMS, found, strict=True) if column[1]} == {"pk": "x"} | row
    assert [column[0] for column in found] == [column[0] for column in Pages(ITEMS).columns(b"[" + SOUND + b"]")]


def test_a_session_past_its_ttl_may_be_gone_but_not_be_wrong(database: duckdb.DuckDBPyConnection) -> None:
    old, new = int(time.time()) - 10, int(time.time()) + 1000
    sessions = [("gone", old, 1), ("wrong", old, 1), ("kept", old, 1), ("lost", new, 1)]
    rows = ", ".join(f"('{pk}', {expires}, {pages}, NULL::VARCHAR)" for pk, expires, pages in sessions)
    database.execute(
        f"CREATE TABLE {dynamodb.SESSIONS.expected} AS FROM (VALUES {rows}) AS t(pk, expires_at, pages, unknown_fields)"
    )
    database.execute("CREATE TABLE ev_clicks (session_id VARCHAR, occurred_at_ms BIGINT, kafka_offset BIGINT)")
    create_found(database, dynamodb.SESSIONS)
    held = [{"pk": "wrong", "expires_at": old, "pages": 2}, {"pk": "kept", "expires_at": old, "pages": 1}]
    insert_documents(database, dynamodb.SESSIONS, held, columns(database, dynamodb.SESSIONS.expected))
    dynamodb.settle(database)
    result = compare(database, dynamodb.SESSIONS)
    assert [(f.kind, f.key) for f in result.findings] == [("lost", "lost"), ("differing", "wrong")]
    assert result.expected == 3


def test_events_of_another_version_of_the_simulator_are_refused_by_its_number(tmp_path: Path) -> None:
    progress = {"publisher": "demo-7", "version": -1, "events": 10, "scenario": {}, "seed": 7}
    with pytest.raises(VerifyFailed, match="'demo-7' used simulator version -1"):
        simulated_sums([progress], tmp_path)
