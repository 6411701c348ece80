"""Lost, duplicated and differing rows are counted and named by key."""

from __future__ import annotations

import duckdb
import pytest

from shoplake.verify import StoreResult
from shoplake.verify.comparison import Comparison, compare
from shoplake.verify.report import Finding, Report

STOCK = Comparison("shop", "stock", ("product", "warehouse"))
ROWS = [("p1", 1, 10, "a"), ("p1", 2, 20, None), ("p2", 1, 30, "c")]


def compared(
    database: duckdb.DuckDBPyConnection, found: list[tuple[object, ...]], *, amount_type: str = "BIGINT"
) -> StoreResult:
    for schema, kind, rows in (("expected", "BIGINT", ROWS), ("found", amount_type, found)):
        database.execute(
            f"CREATE TABLE {schema}.shop_stock (product VARCHAR, warehouse INT, amount {kind}, note VARCHAR)"
        )
        if rows:
            database.executemany(f"INSERT INTO {schema}.shop_stock VALUES (?, ?, ?, ?)", rows)
    return compare(database, STOCK)


def counts(result: StoreResult) -> tuple[int, int, int, int, int]:
    return result.expected, result.found, result.lost, result.duplicated, result.differing


def test_equal_tables_have_no_findings(database: duckdb.DuckDBPyConnection) -> None:
    result = compared(database, list(reversed(ROWS)))
    assert counts(result) == (3, 3, 0, 0, 0)
    assert result.findings == ()
    assert result.ok


def test_a_row_that_is_missing_is_lost(database: duckdb.DuckDBPyConnection) -> None:
    result = compared(database, ROWS[1:])
    assert counts(result) == (3, 2, 1, 0, 0)
    assert [str(f) for f in result.findings] == ["lost stock p1/1"]


def test_an_empty_store_has_lost_everything(database: duckdb.DuckDBPyConnection) -> None:
    assert counts(compared(database, [])) == (3, 0, 3, 0, 0)


def test_a_row_held_three_times_is_duplicated_twice(database: duckdb.DuckDBPyConnection) -> None:
    result = compared(database, [*ROWS, ROWS[0], ROWS[0]])
    assert counts(result) == (3, 5, 0, 2, 0)
    assert [str(f) for f in result.findings] == ["duplicated stock p1/1 (held 3 times)"]


def test_a_row_under_a_key_that_no_event_made_is_duplicated(database: duckdb.DuckDBPyConnection) -> None:
    result = compared(database, [*ROWS, ("copy", 1, 10, "a"), ("copy", 1, 10, "a")])
    assert counts(result) == (3, 5, 0, 2, 0)
    assert [str(f) for f in result.findings] == ["duplicated stock copy/1 (no event made it)"]


def test_a_changed_row_names_the_columns_that_differ(database: duckdb.DuckDBPyConnection) -> None:
    result = compared(database, [("p1", 1, 11, "a"), ("p1", 2, 20, "new"), ROWS[2]])
    assert counts(result) == (3, 3, 0, 0, 2)
    assert [str(f) for f in result.findings] == [
        "differing stock p1/1 (amount: expected '10', found '11')",
        "differing stock p1/2 (note: expected null, found 'new')",
    ]


def test_all_kinds_are_told_apart_at_once(database: duckdb.DuckDBPyConnection) -> None:
    result = compared(database, [("p1", 2, 99, None), ROWS[2], ROWS[2], ("p9", 1, 1, None)])
    assert counts(result) == (3, 4, 1, 2, 1)
    assert [(f.kind, f.key) for f in result.findings] == [
        ("lost", "p1/1"), ("duplicated", "p2/1"), ("duplicated", "p9/1"), ("differing", "p1/2"),
    ]  # fmt: skip


def test_a_doubled_row_whose_copy_was_changed_is_both(database: duckdb.DuckDBPyConnection) -> None:
    result = compared(database, [*ROWS, ("p1", 1, 11, "a")])
    assert counts(result) == (3, 4, 0, 1, 1)
    assert {(f.kind, f.key) for f in result.findings} == {("duplicated", "p1/1"), ("differing", "p1/1")}


def test_a_store_with_another_column_type_is_compared_as_text(database: duckdb.DuckDBPyConnection) -> None:
    found = [("p1", 1, "10", "a"), ("p1", 2, "twenty", None), ("p2", 1, "30", "c")]
    result = compared(database, found, amount_type="VARCHAR")
    assert [str(f) for f in result.findings] == ["differing stock p1/2 (amount: expected '20', found 'twenty')"]


def test_a_column_that_the_store_lacks_differs(database: duckdb.DuckDBPyConnection) -> None:
    database.execute("CREATE TABLE expected.shop_stock AS SELECT 'p' AS product, 1 AS warehouse, 5 AS amount")
    database.execute("CREATE TABLE found.shop_stock AS SELECT 'p' AS product, 1 AS warehouse")
    result = compare(database, STOCK)
    assert [str(f) for f in result.findings] == ["differing stock p/1 (amount: expected '5', found null)"]


def test_a_row_without_a_key_was_made_by_no_event(database: duckdb.DuckDBPyConnection) -> None:
    result = compared(database, [*ROWS, (None, 1, 1, "x")])
    assert [str(f) for f in result.findings] == ["duplicated stock null/1 (no event made it)"]


def test_counts_stay_exact_where_findings_are_bounded(
    database: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shoplake.verify.comparison.MAX_FINDINGS", 2)
    result = compared(database, [])
    assert (result.lost, len(result.findings)) == (3, 2)


def test_a_store_is_the_sum_of_its_tables() -> None:
    finding = Finding("lost", "b", "k")
    total = StoreResult.total("s", [StoreResult("s", 5, 5, 0, 0, 0), StoreResult("s", 3, 2, 1, 0, 0, (finding,))])
    assert total == StoreResult("s", 8, 7, 1, 0, 0, (finding,))


def test_a_report_is_as_json_what_the_demo_prints() -> None:
    report = Report(
        (StoreResult("log", 5, 5, 0, 0, 0), StoreResult("lake", 5, 4, 1, 0, 0, (Finding("lost", "t", "k"),))), 1.5
    )
    assert not report.ok
    assert report.as_json() == {
        "log": {"expected": 5, "found": 5, "lost": 0, "duplicated": 0, "differing": 0},
        "lake": {"expected": 5, "found": 4, "lost": 1, "duplicated": 0, "differing": 0},
    }
    assert report.findings_as_json() == {"lake": [{"kind": "lost", "table": "t", "key": "k"}]}


def test_a_row_held_twice_is_named_by_its_key_also_where_a_column_is_called_key(
    database: duckdb.DuckDBPyConnection,
) -> None:
    for schema, copies in (("expected", 1), ("found", 2)):
        database.execute(f"CREATE TABLE {schema}.shop_letters (letter VARCHAR, key VARCHAR)")
        database.executemany(f"INSERT INTO {schema}.shop_letters VALUES (?, ?)", [("l1", "k")] * copies)

    result = compare(database, Comparison("shop", "letters", ("letter",)))

    assert [str(f) for f in result.findings] == ["duplicated letters l1 (held 2 times)"]


def test_findings_are_in_the_order_of_numbers(database: duckdb.DuckDBPyConnection) -> None:
    for schema in ("expected", "found"):
        database.execute(f"CREATE TABLE {schema}.shop_stock (product VARCHAR, warehouse INT, note VARCHAR)")
    wanted = [(product, number) for product in ("p1", "p2") for number in range(12)]
    database.executemany("INSERT INTO expected.shop_stock VALUES (?, ?, 'a')", wanted)
    result = compare(database, STOCK)
    assert [finding.key for finding in result.findings] == [f"{product}/{number}" for product, number in wanted]
    database.executemany("INSERT INTO found.shop_stock VALUES (?, ?, 'b')", wanted)
    result = compare(database, STOCK)
    assert [finding.key for finding in result.findings] == [f"{product}/{number}" for product, number in wanted]
