"""Every row of a stage is accounted for in the next, at the positions of the next: none lost, none from nowhere."""

from __future__ import annotations

from pathlib import Path

from shoplake.positions import Positions
from shoplake.quality.results import Result

from .tables import at, checked, datasets

LOG = "SELECT 0 AS kafka_partition, n AS kafka_offset FROM range(10) AS t(n)"
LETTERS = "SELECT 'orders' AS topic, 0 AS kafka_partition, 7 AS kafka_offset"
LAKE = f"""
SELECT *, 'e' || kafka_offset // 2 AS event_id, 'o' || kafka_offset // 4 AS order_id
FROM ({LOG}) WHERE kafka_offset <> 7
"""
SILVER = f"""
SELECT event_id, order_id, count(*) AS copies, min(kafka_offset) AS kafka_offset, 0 AS kafka_partition
FROM ({LAKE}) GROUP BY ALL
"""
POSTGRES = f"SELECT DISTINCT order_id FROM ({LAKE})"
TABLES = {
    "kafka.orders": LOG,
    "kafka.dead-letters": LETTERS,
    "lake.orders": LAKE,
    "silver.stg_orders": SILVER,
    "postgres.orders": POSTGRES,
}
END = {name: at(orders=10) for name in TABLES}
OF_LAKE = """
  - check: row_count
    dataset: kafka.orders
    keys: [kafka_partition, kafka_offset]
    or_in: {dataset: kafka.dead-letters, columns: [kafka_partition, kafka_offset], where: topic = 'orders'}
    what_to_do: Look.
"""
OF_SILVER = "  - {check: row_count, dataset: lake.orders, keys: [event_id], copies: copies, what_to_do: Look.}\n"
OF_POSTGRES = "  - {check: row_count, dataset: lake.orders, keys: [order_id], what_to_do: Look.}\n"


def reconciled(
    folder: Path, dataset: str, checks: str, changes: dict[str, str], positions: dict[str, Positions] | None = None
) -> Result:
    with datasets({**TABLES, **changes}, {**END, **(positions or {})}) as workspace:
        (found,) = checked(workspace, folder, dataset, checks, key="order_id" if dataset == "postgres.orders" else "")
    return found


def test_records_are_in_the_lake_or_dead_letters(tmp_path: Path) -> None:
    assert reconciled(tmp_path, "lake.orders", OF_LAKE, {}).outcome == "passed"


def test_a_record_in_neither_is_missing(tmp_path: Path) -> None:
    found = reconciled(tmp_path, "lake.orders", OF_LAKE, {"lake.orders": f"FROM ({LAKE}) WHERE kafka_offset <> 3"})
    assert (found.outcome, found.failing, found.failing_keys) == ("failed", 1, ("missing orders-0@3",))


def test_a_row_that_is_no_record_is_unexpected(tmp_path: Path) -> None:
    more = f"{LAKE} UNION ALL SELECT 0, 12, 'e9', 'o9'"
    found = reconciled(tmp_path, "lake.orders", OF_LAKE, {"lake.orders": more}, {"lake.orders": at(orders=13)})
    assert found.outcome == "passed", "the listed log ends before the lake's positions, so it may have the record"
    found = reconciled(tmp_path, "lake.orders", OF_LAKE, {"lake.orders": more})
    assert (found.outcome, found.failing_keys) == ("failed", ("unexpected orders-0@12",))


def test_a_stage_that_is_behind_is_compared_at_its_positions(tmp_path: Path) -> None:
    behind = f"FROM ({LAKE}) WHERE kafka_offset < 5"
    late = reconciled(tmp_path, "lake.orders", OF_LAKE, {"lake.orders": behind}, {"lake.orders": at(orders=5)})
    assert late.outcome == "passed"
    assert reconciled(tmp_path, "lake.orders", OF_LAKE, {"lake.orders": behind}).failing == 4


def test_dead_letters_that_are_behind_do_not_make_records_missing(tmp_path: Path) -> None:
    none = {"kafka.dead-letters": f"FROM ({LETTERS}) LIMIT 0"}
    assert reconciled(tmp_path, "lake.orders", OF_LAKE, none).failing_keys == ("missing orders-0@7",)
    behind = {"kafka.dead-letters": at(orders=7)}
    assert reconciled(tmp_path, "lake.orders", OF_LAKE, none, behind).outcome == "passed"


def test_silver_has_each_event_once_with_the_number_of_its_copies(tmp_path: Path) -> None:
    assert reconciled(tmp_path, "silver.stg_orders", OF_SILVER, {}).outcome == "passed"
    wrong = {"silver.stg_orders": f"SELECT * REPLACE (1 AS copies) FROM ({SILVER})"}
    found = reconciled(tmp_path, "silver.stg_orders", OF_SILVER, wrong)
    assert (found.outcome, found.failing) == ("failed", 4)  # e3 came once: its other record is the dead letter
    assert found.failing_keys == ("copies e0", "copies e1", "copies e2", "copies e4")


def test_a_store_has_each_key_of_the_lake(tmp_path: Path) -> None:
    assert reconciled(tmp_path, "postgres.orders", OF_POSTGRES, {}).outcome == "passed"
    lost = {"postgres.orders": f"FROM ({POSTGRES}) WHERE order_id <> 'o1'"}
    assert reconciled(tmp_path, "postgres.orders", OF_POSTGRES, lost).failing_keys == ("missing o1",)
    added = {"postgres.orders": f"{POSTGRES} UNION ALL SELECT 'o77'"}
    assert reconciled(tmp_path, "postgres.orders", OF_POSTGRES, added).failing_keys == ("unexpected o77",)


def test_rows_that_a_late_stage_cannot_know_are_not_judged_but_its_own_are(tmp_path: Path) -> None:
    """The lake ends at offset 5: Postgres may have orders beyond it, but has to have those before it."""
    late = {"lake.orders": f"FROM ({LAKE}) WHERE kafka_offset < 5"}
    positions = {"lake.orders": at(orders=5)}
    found = reconciled(tmp_path, "postgres.orders", OF_POSTGRES, late, positions)
    assert (found.outcome, "behind" in found.detail) == ("passed", True)
    lost = {**late, "postgres.orders": "SELECT 'o2' AS order_id"}
    found = reconciled(tmp_path, "postgres.orders", OF_POSTGRES, lost, positions)
    assert found.failing_keys == ("missing o0", "missing o1")


def test_sums_count_only_what_the_store_has_read(tmp_path: Path) -> None:
    sums = "check: sums, expression: count(*), equals: count(DISTINCT order_id), dataset: lake.orders"
    checks = f"  - {{{sums}, what_to_do: Look.}}\n"
    half = {"postgres.orders": f"SELECT DISTINCT order_id FROM ({LAKE}) WHERE kafka_offset < 5"}
    at_half = {"postgres.orders": at(orders=5)}
    assert reconciled(tmp_path, "postgres.orders", checks, half, at_half).outcome == "passed"
    assert reconciled(tmp_path, "postgres.orders", checks, half).outcome == "failed"
    behind = reconciled(tmp_path, "postgres.orders", checks, {}, {"lake.orders": at(orders=5)})
    assert behind.outcome == "unknown"
