"""Each kind of check passes on clean rows and fails on planted damage, with the keys of the failing rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoplake.errors import StoreUnavailable
from shoplake.quality.results import Result
from shoplake.quality.workspace import Loaded

from .tables import at, checked, datasets

ORDERS = """
SELECT 'o' || n AS order_id, 'c' || n % 7 AS customer_id, 'EUR' AS currency, 'paid' AS status, 'a' || n AS email,
    100 + n AS total_cents, 90 + n AS subtotal_cents, 10 AS tax_cents,
    TIMESTAMP '2026-09-01' + INTERVAL (n % 40) DAY AS placed_at
FROM range(1000) AS t(n)
"""
TABLES = {
    "postgres.orders": ORDERS,
    "postgres.items": f"SELECT order_id, 1 AS line, subtotal_cents AS cents FROM ({ORDERS})",
    "mongodb.customers": "SELECT 'c' || n AS _id FROM range(7) AS t(n)",
}
REPLACED = "SELECT * REPLACE ({} AS {}) FROM ({})"
LAST = "order_id IN ('o998', 'o999')"


def damaged(column: str, value: str, rows: str = LAST) -> dict[str, str]:
    """The tables with another value in some rows of a column of orders."""
    return {
        **TABLES,
        "postgres.orders": REPLACED.format(f"CASE WHEN {rows} THEN {value} ELSE {column} END", column, ORDERS),
    }


def one(text: str, more: str = "") -> str:
    return f"  - {{check: {text}, what_to_do: Look., {more}}}\n"


KINDS = {
    "completeness": (one("completeness, columns: [status, currency]"), damaged("status", "NULL")),
    "uniqueness": (
        one("uniqueness, columns: [order_id]"),
        {**TABLES, "postgres.orders": f"{ORDERS} UNION ALL FROM ({ORDERS}) WHERE {LAST}"},
    ),
    "range": (one("range, column: total_cents, min: 1, max: 2000"), damaged("total_cents", "-5")),
    "range of times": (
        one("range, column: placed_at, min: '2026-01-01'"),
        damaged("placed_at", "TIMESTAMP '2025-01-01'"),
    ),
    "set_membership": (one("set_membership, column: status, values: [paid, placed]"), damaged("status", "'lost'")),
    "pattern": (one("pattern, column: currency, pattern: '[A-Z]{3}'"), damaged("currency", "'EURO'")),
    "referential_integrity": (
        one("referential_integrity, columns: [customer_id], dataset: mongodb.customers, keys: [_id]"),
        damaged("customer_id", "'c99'"),
    ),
    "sums of a row": (
        one("sums, expression: total_cents, equals: subtotal_cents + tax_cents"),
        damaged("total_cents", "7"),
    ),
    "sums by key": (
        one("sums, expression: subtotal_cents, equals: sum(cents), dataset: postgres.items, columns: [order_id]"),
        damaged("subtotal_cents", "7"),
    ),
    "sql": (one("sql, expression: total_cents > tax_cents"), damaged("total_cents", "3")),
    "sql query": (
        one("sql, query: SELECT order_id FROM postgres.orders WHERE total_cents < tax_cents"),
        damaged("total_cents", "3"),
    ),
}


def result(tables: dict[str, str], folder: Path, checks: str) -> Result:
    with datasets(tables) as workspace:
        (found,) = checked(workspace, folder, "postgres.orders", checks)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_check_passes_on_clean_rows(kind: str, tmp_path: Path) -> None:
    found = result(TABLES, tmp_path, KINDS[kind][0])
    assert (found.outcome, found.failing, found.failing_keys) == ("passed", 0, ())


@pytest.mark.parametrize("kind", KINDS)
def test_a_check_fails_on_damage_and_names_the_rows(kind: str, tmp_path: Path) -> None:
    checks, tables = KINDS[kind]
    found = result(tables, tmp_path, checks)
    assert (found.outcome, found.failing) == ("failed", 2)
    assert set(found.failing_keys) == {"o998", "o999"}
    assert (found.owner, found.what_to_do) == ("commerce", "Look.")


def test_totals_of_two_datasets_are_compared(tmp_path: Path) -> None:
    checks = one("sums, expression: sum(subtotal_cents), equals: sum(cents), dataset: postgres.items")
    assert result(TABLES, tmp_path, checks).outcome == "passed"
    found = result(damaged("subtotal_cents", "0"), tmp_path, checks)
    assert (found.outcome, found.measure) == ("failed", -(90 + 998) - (90 + 999))


def test_a_row_count_has_bounds(tmp_path: Path) -> None:
    assert result(TABLES, tmp_path, one("row_count, min: 1000, max: 1000")).outcome == "passed"
    found = result(TABLES, tmp_path, one("row_count, max: 999"))
    assert (found.outcome, found.measure) == ("failed", 1000)


def test_a_distribution_is_compared_with_the_days_before(tmp_path: Path) -> None:
    checks = one("distribution, column: total_cents, time: placed_at, edges: [300, 600, 900], min_rows: 100")
    assert result(TABLES, tmp_path, checks).outcome == "passed"
    found = result(damaged("total_cents", "9000", "placed_at >= TIMESTAMP '2026-10-05'"), tmp_path, checks)
    assert found.outcome == "failed"
    assert (found.measure or 0) > 1
    few = result(TABLES, tmp_path, one("distribution, column: status, time: placed_at, min_rows: 5000"))
    assert (few.outcome, few.measure) == ("passed", None)


def test_a_share_of_rows_may_fail_and_a_warning_is_no_failure(tmp_path: Path) -> None:
    tables = damaged("status", "NULL")
    assert result(tables, tmp_path, one("completeness, columns: [status], at_least: 0.998")).outcome == "passed"
    assert result(tables, tmp_path, one("completeness, columns: [status], at_least: 0.999")).outcome == "failed"
    assert result(tables, tmp_path, one("completeness, columns: [status], severity: warn")).outcome == "warned"


def test_only_rows_of_the_condition_are_checked(tmp_path: Path) -> None:
    found = result(damaged("status", "NULL"), tmp_path, one("completeness, columns: [status]", f'where: "NOT {LAST}"'))
    assert (found.outcome, found.rows) == ("passed", 998)


def test_all_checks_of_a_dataset_are_one_statement(tmp_path: Path) -> None:
    with datasets(TABLES) as workspace:
        statements: list[str] = []
        rows = workspace.rows
        workspace.rows = lambda text: statements.append(text) or rows(text)  # type: ignore[method-assign,func-returns-value]
        plain = [text for kind, (text, _) in KINDS.items() if kind != "sql query"]
        found = checked(workspace, tmp_path, "postgres.orders", "".join(plain))
    assert {one.outcome for one in found} == {"passed"}
    assert len(statements) == 1


@pytest.mark.parametrize("severity", ["warn", "error"])
def test_a_check_of_a_column_that_is_gone_fails_and_names_the_nearest(tmp_path: Path, severity: str) -> None:
    checks = one("completeness, columns: [statuss]", f"severity: {severity}") + one("uniqueness, columns: [order_id]")
    with datasets(TABLES) as workspace:
        gone, other = checked(workspace, tmp_path, "postgres.orders", checks)
    assert gone.outcome == "failed"
    assert gone.detail == "there is no column `statuss` in postgres.orders; did you mean `status`?"
    assert other.outcome == "passed"


def test_wrong_sql_fails_alone(tmp_path: Path) -> None:
    checks = one("sql, expression: totl_cents > 0") + one("uniqueness, columns: [order_id]")
    with datasets(TABLES) as workspace:
        wrong, other = checked(workspace, tmp_path, "postgres.orders", checks)
    assert wrong.outcome == "failed"
    assert "totl_cents" in wrong.detail
    assert other.outcome == "passed"


def test_a_message_about_a_value_does_not_quote_it(tmp_path: Path) -> None:
    found = result(TABLES, tmp_path, one("sql, expression: email::INTEGER > 0"))
    assert found.outcome == "failed"
    assert "a17" not in found.detail


def test_failing_keys_have_no_personal_values(tmp_path: Path) -> None:
    """The key of customers is personal here, and so is the column of the query."""
    tables = {"postgres.customers": "SELECT 'a@b.c' AS email, NULL AS city"}
    with datasets(tables) as workspace:
        (found,) = checked(workspace, tmp_path, "postgres.customers", one("completeness, columns: [city]"))
    assert (found.outcome, found.failing, found.failing_keys) == ("failed", 1, ())
    query = one("sql, query: 'SELECT email, order_id FROM postgres.orders WHERE order_id = ''o1'''")
    (tmp_path / "postgres.customers.yaml").unlink()
    assert result(TABLES, tmp_path, query).failing_keys == ("o1",)


def test_a_store_that_is_down_makes_its_datasets_unknown(tmp_path: Path) -> None:
    with datasets({"postgres.orders": ORDERS}) as workspace:
        workspace.add("mongodb", StoreUnavailable("mongo did not answer"))
        checks = KINDS["referential_integrity"][0] + KINDS["completeness"][0]
        crossing, own = checked(workspace, tmp_path, "postgres.orders", checks)
    assert (crossing.outcome, crossing.detail) == ("unknown", "mongo did not answer")
    assert own.outcome == "passed"
    with datasets({}) as workspace:
        workspace.add("postgres", StoreUnavailable("postgres did not answer"))
        results = checked(workspace, tmp_path, "postgres.orders", checks)
    assert [found.outcome for found in results] == ["unknown", "unknown"]


def test_a_reference_to_a_store_that_is_behind_is_unknown_in_place_of_failed(tmp_path: Path) -> None:
    checks, tables = KINDS["referential_integrity"]
    positions = {"postgres.orders": at(customers=10), "mongodb.customers": at(customers=9)}
    with datasets(tables, positions) as workspace:
        (found,) = checked(workspace, tmp_path, "postgres.orders", checks)
    assert found.outcome == "unknown"
    assert "mongodb.customers is behind postgres.orders in customers-0" in found.detail


def test_a_store_is_not_behind_in_a_topic_that_it_does_not_read(tmp_path: Path) -> None:
    checks, tables = KINDS["referential_integrity"]
    positions = {"postgres.orders": at(customers=10, inventory=7), "mongodb.customers": at(customers=10)}
    with datasets(tables, positions) as workspace:
        (found,) = checked(workspace, tmp_path, "postgres.orders", checks)
    assert (found.outcome, found.failing_keys) == ("failed", ("o998", "o999"))


def test_a_dataset_that_is_not_there_is_unknown(tmp_path: Path) -> None:
    with datasets(TABLES) as workspace:
        workspace.connection.execute("CREATE SCHEMA redis")
        workspace.add("redis", Loaded({}))
        (found,) = checked(workspace, tmp_path, "redis.board", one("row_count, min: 1"))
    assert (found.outcome, found.detail) == ("unknown", "redis has no board; it has nothing")
