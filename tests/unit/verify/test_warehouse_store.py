"""The gold tables of an Iceberg catalogue in a verification: planted damage, positions, no warehouse at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import EqualTo
from sqlalchemy.exc import OperationalError

from shoplake.errors import StoreUnavailable
from shoplake.verify import ALWAYS_PRESENT, STORES, verification
from shoplake.verify.report import StoreResult
from shoplake.verify.stores import warehouse
from shoplake.verify.stores.warehouse import positions, reading

from .conftest import CUSTOMER, PLACED, WHOLE_LOG, Folder, added

SETTINGS: Any = SimpleNamespace(lake=SimpleNamespace(database="local_lake", warehouse="s3://lake"))
GOLD = "local_lake_gold"
AT = json.dumps(WHOLE_LOG)
Load = Callable[[], StoreResult]


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqlCatalog:
    """An empty catalogue, which verify opens."""
    (tmp_path / "lake").mkdir()
    made = SqlCatalog("shoplake", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}/lake")
    monkeypatch.setattr(reading, "open_catalog", lambda settings: made)
    return made


@pytest.fixture
def built(folder: Folder, catalog: SqlCatalog) -> SqlCatalog:
    """A log of a few events, and the gold tables of a right build."""
    for topic, kind, fields in (
        ("customers", "customer_registered", {"customer_id": "c1", **CUSTOMER}),
        ("products", "product_discontinued", {"product_id": "p1"}),
        ("orders", "order_placed", PLACED),
        ("inventory", "stock_received", {"product_id": "p1", "warehouse_id": "w1", "quantity": 3}),
        ("clicks", *added("p1", 1, 2)),
    ):
        folder.log(topic, (kind, fields))
    folder.expect_build(WHOLE_LOG)
    catalog.create_namespace(GOLD)
    for comparison in warehouse.COMPARISONS:
        rows = folder.database.execute(f"FROM {comparison.expected}").to_arrow_table()
        catalog.create_table((GOLD, comparison.table), rows.schema).append(rows, {positions.PROPERTY: AT})
    positions.store(folder.database, {})
    return catalog


@pytest.fixture
def load(folder: Folder, tmp_path: Path) -> Load:
    """Load the gold tables, fold the log and compare, as a verification does."""

    def run() -> StoreResult:
        files = tmp_path / "files"
        findings = warehouse.load(folder.database, SETTINGS, files)
        return verification._compared(folder.database, warehouse, files, findings)

    return run


def told(result: StoreResult) -> list[tuple[str, str, str]]:
    return [(finding.kind, finding.table, finding.key) for finding in result.findings]


def test_a_right_build_is_exact(built: SqlCatalog, load: Load) -> None:
    result = load()
    assert told(result) == []
    assert result.expected == result.found > 12


def test_a_row_that_is_deleted_doubled_or_changed_is_found_by_its_key(built: SqlCatalog, load: Load) -> None:
    at = {positions.PROPERTY: AT}
    items = built.load_table((GOLD, "fct_order_items"))
    items.delete(EqualTo("line_no", 2), at)
    products = built.load_table((GOLD, "dim_products"))
    products.append(products.scan().to_arrow(), at)
    stock = built.load_table((GOLD, "fct_inventory_daily"))
    changed = stock.scan().to_arrow()
    stock.overwrite(changed.set_column(8, changed.schema.field("on_hand"), pa.array([4])), snapshot_properties=at)
    result = load()
    assert told(result) == [
        ("duplicated", "dim_products", "p1/1"),
        ("lost", "fct_order_items", "o1/c1/2"),
        ("differing", "fct_inventory_daily", "p1/w1/2024-01-01"),
    ]
    assert [str(change.found) for change in result.findings[2].columns] == ["4"]


def test_a_missing_table_has_lost_its_rows(built: SqlCatalog, load: Load) -> None:
    built.drop_table((GOLD, "fct_orders"))
    assert told(load()) == [("lost", "fct_orders", "o1/c1")]


def test_a_table_without_a_fold_is_reported(built: SqlCatalog, load: Load) -> None:
    rows = pa.table({"country": ["GB"], "orders": [1]})
    built.create_table((GOLD, "orders_by_country"), rows.schema).append(rows, {positions.PROPERTY: AT})
    assert told(load()) == [("duplicated", "structure", "table orders_by_country")]


def test_tables_of_different_builds_are_reported(built: SqlCatalog, load: Load) -> None:
    ahead, unknown, broken = "dim_products", "fct_sessions", "stock_health"
    for table, text in ((ahead, {**WHOLE_LOG, "products": {"0": 1}}), (broken, {"orders": {"0": -1}})):
        again = built.load_table((GOLD, table))
        again.overwrite(again.scan().to_arrow(), snapshot_properties={positions.PROPERTY: json.dumps(text)})
    again = built.load_table((GOLD, unknown))
    again.overwrite(again.scan().to_arrow())
    result = load()
    assert told(result) == [("differing", table, "positions") for table in (ahead, unknown, broken)]
    assert [finding.columns[0].found for finding in result.findings[1:]] == [None, '{"orders": {"0": -1}}']


def test_a_build_that_has_not_read_the_end_of_the_log_is_exact(built: SqlCatalog, folder: Folder, load: Load) -> None:
    folder.log("products", ("product_price_changed", {"product_id": "p1", "price_cents": 1}), first_offset=10**9)
    assert told(load()) == []


def test_columns_that_are_missing_added_or_of_another_type_are_reported(built: SqlCatalog, load: Load) -> None:
    with built.load_table((GOLD, "fct_reviews")).update_schema() as schema:
        schema.delete_column("body")
    with built.load_table((GOLD, "fct_payments")).update_schema() as schema:
        schema.move_first("status")
    built.drop_table((GOLD, "stock_health"))
    rows = pa.table({"product_id": ["p1"], "on_hand": pa.array([3], pa.int32())})
    built.create_table((GOLD, "stock_health"), rows.schema).append(rows, {positions.PROPERTY: AT})
    found = told(load())
    assert ("lost", "structure", "column body of fct_reviews") in found
    assert ("differing", "structure", "order of columns of fct_payments") in found
    assert ("differing", "structure", "column on_hand of stock_health") in found


def test_files_and_metadata_that_cannot_be_read_are_findings(built: SqlCatalog, load: Load) -> None:
    def address(table: str) -> Path:
        (task,) = built.load_table((GOLD, table)).scan().plan_files()
        return Path(task.file.file_path.removeprefix("file://"))

    gone, cut = address("dim_products"), address("dim_customers")
    gone.unlink()
    cut.write_bytes(cut.read_bytes()[:-9])
    Path(built.load_table((GOLD, "fct_sessions")).metadata_location.removeprefix("file://")).write_text("{")
    assert told(load()) == [
        ("differing", "structure", f"file file://{gone} of dim_products"),
        ("differing", "structure", "table fct_sessions"),
        ("differing", "structure", f"file file://{cut} of dim_customers"),
        ("lost", "dim_customers", "c1/1"),
        ("lost", "dim_products", "p1/1"),
        ("lost", "fct_sessions", "s1"),
    ]


def test_without_a_gold_database_there_is_no_warehouse_to_check(catalog: SqlCatalog, load: Load) -> None:
    for _ in range(2):
        assert not warehouse.is_built(SETTINGS)
        with pytest.raises(StoreUnavailable, match="no warehouse was built"):
            load()
        catalog.create_namespace_if_not_exists(GOLD)  # a database without a table is not a warehouse


def test_a_catalogue_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch, load: Load) -> None:
    def refused(settings: Any) -> SqlCatalog:
        raise OperationalError("SELECT 1", None, ConnectionError("refused"))

    monkeypatch.setattr(reading, "open_catalog", refused)
    for call in (load, lambda: warehouse.is_built(SETTINGS)):
        with pytest.raises(StoreUnavailable, match="warehouse at s3://lake could not be read"):
            call()


@pytest.mark.parametrize(("code", "outcome"), [("AccessDeniedException", False), ("ThrottlingException", None)])
def test_a_role_that_may_not_list_the_database_sees_no_warehouse(
    monkeypatch: pytest.MonkeyPatch, code: str, outcome: bool | None
) -> None:
    def refused(settings: Any) -> SqlCatalog:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetTables")

    monkeypatch.setattr(reading, "open_catalog", refused)
    if outcome is None:
        with pytest.raises(StoreUnavailable, match=code):
            warehouse.is_built(SETTINGS)
    else:
        assert warehouse.is_built(SETTINGS) is outcome


async def test_a_default_verification_has_the_warehouse_when_one_was_built(built: SqlCatalog) -> None:
    assert await verification.default_stores(SETTINGS) == list(STORES)
    for comparison in warehouse.COMPARISONS:
        built.drop_table((GOLD, comparison.table))
    assert await verification.default_stores(SETTINGS) == list(ALWAYS_PRESENT)
