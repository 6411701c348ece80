"""One key in full: its rows on both sides, and its events."""

from __future__ import annotations

import duckdb
import pytest

from shoplake.contract import TOPICS
from shoplake.verify import explanation
from shoplake.verify.comparison import Comparison
from shoplake.verify.explanation import events_of, rows_of
from shoplake.verify.report import Difference, ExplainedEvent, ExplainedRow

STOCK = Comparison("shop", "stock", ("product", "warehouse"))


@pytest.fixture
def stock(database: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """`p1/1` differs, `p1/2` is lost, `p2/1` is there twice, `copy/1` has no event; the store has no `note`."""
    database.execute("CREATE TABLE expected.shop_stock (product VARCHAR, warehouse INT, amount BIGINT, note VARCHAR)")
    database.execute(
        "INSERT INTO expected.shop_stock VALUES ('p1', 1, 10, 'a'), ('p1', 2, 20, NULL), ('p2', 1, 30, 'c')"
    )
    database.execute("CREATE TABLE found.shop_stock (product VARCHAR, warehouse INT, amount BIGINT)")
    database.execute("INSERT INTO found.shop_stock VALUES ('p1', 1, 11), ('p2', 1, 30), ('p2', 1, 30), ('copy', 1, 5)")
    return database


def test_a_key_shows_both_sides_of_its_row(stock: duckdb.DuckDBPyConnection) -> None:
    columns = (Difference("amount", "10", "11"), Difference("note", "a", None))
    assert rows_of(stock, STOCK, "p1/1") == [ExplainedRow("shop", "stock", "p1/1", 1, 1, columns)]


def test_part_of_a_key_shows_every_row_that_has_it(stock: duckdb.DuckDBPyConnection) -> None:
    rows = rows_of(stock, STOCK, "p1")
    assert [(row.key, row.expected, row.found) for row in rows] == [("p1/1", 1, 1), ("p1/2", 1, 0)]
    assert rows[1].columns == (Difference("amount", "20", None), Difference("note", None, None))


def test_rows_of_one_side_and_repeated_rows_are_counted(stock: duckdb.DuckDBPyConnection) -> None:
    assert [(row.expected, row.found) for row in rows_of(stock, STOCK, "p2/1")] == [(1, 2)]
    assert [(row.expected, row.found) for row in rows_of(stock, STOCK, "copy/1")] == [(0, 1)]
    assert rows_of(stock, STOCK, "p3") == []


def test_a_table_may_have_columns_of_any_name(database: duckdb.DuckDBPyConnection) -> None:
    for schema, value in (("expected", 1), ("found", 2)):
        database.execute(f"CREATE TABLE {schema}.shop_hashes (key VARCHAR, field VARCHAR, row INT, rows INT)")
        database.execute(f"INSERT INTO {schema}.shop_hashes VALUES ('stock', 'p1', {value}, 5)")
    (row,) = rows_of(database, Comparison("shop", "hashes", ("key", "field")), "stock/p1")
    assert row.columns == (Difference("row", "1", "2"), Difference("rows", "5", "5"))


def test_a_table_of_keys_alone_has_no_columns_to_show(database: duckdb.DuckDBPyConnection) -> None:
    for schema in ("expected", "found"):
        database.execute(f"CREATE TABLE {schema}.shop_members (member VARCHAR)")
        database.execute(f"INSERT INTO {schema}.shop_members VALUES ('m1')")
    assert rows_of(database, Comparison("shop", "members", ("member",)), "m1") == [
        ExplainedRow("shop", "members", "m1", 1, 1, ())
    ]


@pytest.fixture
def events(database: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    types = {"Int64": "BIGINT", "Int32": "INTEGER", "Boolean": "BOOLEAN"}
    for topic in TOPICS.values():
        columns = ", ".join(f'"{name}" {types.get(str(kind), "VARCHAR")}' for name, kind in topic.columns.items())
        database.execute(f"CREATE TABLE valid_{topic.name} ({columns}, kafka_partition INTEGER, kafka_offset BIGINT)")
    insert = "INSERT INTO valid_orders BY NAME SELECT ? AS type, ? AS event_id, ? AS occurred_at_ms, ? AS order_id,"
    insert += " ? AS customer_id, ? AS kafka_partition, ? AS kafka_offset"
    database.execute(insert, ["order_placed", "e1", 2_000, "o1", "c1", 3, 7])
    database.execute(insert, ["order_cancelled", "e2", 1_000, "o1", "c2", 0, 9])
    database.execute(
        "INSERT INTO valid_customers BY NAME SELECT 'customer_registered' AS type, 'e0' AS event_id, 500 AS"
        " occurred_at_ms, 'c1' AS customer_id, 1 AS kafka_partition, 4 AS kafka_offset"
    )
    return database


def test_events_of_a_key_have_every_part_of_it_among_their_ids(events: duckdb.DuckDBPyConnection) -> None:
    placed = ExplainedEvent("orders-3@7", "order_placed", "e1", 2_000)
    assert events_of(events, "o1/c1") == ((placed,), 1)
    assert events_of(events, "c1") == ((ExplainedEvent("customers-1@4", "customer_registered", "e0", 500), placed), 2)
    assert events_of(events, "it's not there") == ((), 0)


def test_more_events_than_are_shown_are_counted(
    events: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explanation, "MAX_EVENTS", 1)
    (first,), count = events_of(events, "o1")
    assert (first.event_id, count) == ("e2", 2)
