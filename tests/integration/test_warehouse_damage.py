"""What is wrong in a gold table is found by `verify`: planted damage in each, wrong models, a mart without a fold."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import shopsim
from shoplake.verify.comparison import Comparison
from shoplake.verify.report import Finding
from shoplake.verify.stores import warehouse
from shoplake.verify.stores.warehouse import reading
from shoplake.warehouse import bronze, dbt_project, publish
from shoplake.warehouse.build import build

from .lake_on_files import Lake, in_any_order, shop_events
from .proved_warehouse import Damage, ProvedWarehouse

pytestmark = pytest.mark.skipif(not dbt_project.has_dbt(), reason="the extra `warehouse` is not installed")

SEED = 7
WINDOWS = 3
KEYS = {comparison.table: comparison.key for comparison in warehouse.COMPARISONS}
PROJECT = dbt_project.project_folder()


@pytest.fixture(scope="module")
def patched() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def proved(
    patched: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, small: shopsim.Scenario
) -> ProvedWarehouse:
    """A warehouse of late and doubled events."""
    folder = tmp_path_factory.mktemp("warehouse")
    patched.setenv("SHOPLAKE_HOME", str(folder / "home"))
    lake = Lake.made(folder)
    for module in (bronze, publish, reading):
        patched.setattr(module, "open_catalog", lambda settings: lake.catalog)
    lake.append(in_any_order(shop_events(small, SEED, WINDOWS), random.Random(SEED)))
    build(lake.settings, "local", lambda text: None)
    return ProvedWarehouse.of(lake, folder / "log")


def _deleted(table: str, rows: pa.Table) -> pa.Table:
    return rows.slice(1)


def _doubled(table: str, rows: pa.Table) -> pa.Table:
    return pa.concat_tables([rows, rows.slice(0, 1)])


def _changed(table: str, rows: pa.Table) -> pa.Table:
    """The first row with another value in every column but the key."""
    first = rows.slice(0, 1)
    for at, field in enumerate(first.schema):
        if field.name not in KEYS[table]:
            first = first.set_column(
                at, field, pa.array([_other(first[field.name][0].as_py(), field.type)], field.type)
            )
    return pa.concat_tables([first, rows.slice(1)])


def _other(value: Any, kind: pa.DataType) -> Any:
    if pa.types.is_boolean(kind):
        return not value
    if pa.types.is_integer(kind):
        return (value or 0) + 1
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return (value or datetime(2026, 1, 1)) + timedelta(days=1)
    return f"{value} changed"


@pytest.mark.parametrize(("damage", "kind"), [(_deleted, "lost"), (_doubled, "duplicated"), (_changed, "differing")])
def test_a_row_of_each_gold_table_that_is_deleted_doubled_or_changed_is_named_by_its_key(
    proved: ProvedWarehouse, damage: Damage, kind: str
) -> None:
    firsts = {name: table.scan(limit=1).to_arrow().to_pylist()[0] for name, table in proved.tables().items()}
    keys = {name: "/".join(str(first[column]) for column in KEYS[name]) for name, first in firsts.items()}
    assert len(keys) == 17

    with proved.damaged(damage):
        findings = proved.verified().findings

    assert {finding.table: (finding.kind, finding.key) for finding in findings} == {
        name: (kind, key) for name, key in keys.items()
    }
    assert len(findings) == len(keys)
    if kind == "differing":
        for finding in findings:
            values = firsts[finding.table].keys() - set(KEYS[finding.table])
            assert {column.column for column in finding.columns} == values


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a model: the file, a text in it, what is written instead, and the gold table that is wrong then."""

    file: str
    before: str
    after: str
    gold_table: str = ""

    @property
    def table(self) -> str:
        return self.gold_table or Path(self.file).stem

    def apply(self, project: Path) -> None:
        model = project / "models" / self.file
        text = model.read_text()
        assert text.count(self.before) == 1, f"{self.file} has {self.before!r} {text.count(self.before)} times"
        model.write_text(text.replace(self.before, self.after))


WRONG = {
    "a wrong join: the customer of today instead of that of the order's time": Edit(
        "facts/fct_orders.sql",
        """        and orders.placed_at >= customers.valid_from
        and orders.placed_at < coalesce(customers.valid_to, 'infinity'::timestamp)""",
        "        and customers.is_current",
    ),
    "a late event is dropped: more than three days after another of its partition": Edit(
        "marts/revenue_daily.sql",
        """        and {{ shoplake.touched('events.occurred_at::date') }}
""",
        """        and {{ shoplake.touched('events.occurred_at::date') }}
    qualify events.occurred_at > max(events.occurred_at) over (
        partition by events.kafka_partition order by events.kafka_offset
    ) - interval 3 days
""",
    ),
    "an order counts once for each of its lines": Edit(
        "intermediate/int_customer_orders.sql",
        "from {{ ref('fct_orders') }}\nwhere placed_at",
        """from {{ ref('fct_orders') }}
inner join (select order_id, customer_id from {{ ref('fct_order_items') }}) using (order_id, customer_id)
where placed_at""",
        "customer_value",
    ),
    "a holiday of another country: Labor Day is in Great Britain": Edit(
        "../macros/public_holidays.sql", "(9, 1, 1, 'US')", "(9, 1, 1, 'GB')", "dim_dates"
    ),
}

MART = "customers_by_country"
MART_SQL = """{{ config(
    key=['country'],
    touched={'dim_customers': "select coalesce(country, 'none') as country from changes"},
) }}

select coalesce(country, 'none') as country, count(*) as customers
from {{ ref('dim_customers') }}
where is_current and {{ shoplake.touched("coalesce(country, 'none')") }}
group by all
"""
MART_YML = """models:
  - name: customers_by_country
    description: Customers of a country.
    config: { meta: { owner: marketing, grain: one row per country, units: "Counts: customers." } }
    data_tests: [primary_key]
    columns:
      - { name: country, data_type: varchar, description: Country of the newest address. }
      - { name: customers, data_type: bigint, description: Customers with this address. }
"""
MART_FOLD = """
CREATE OR REPLACE TABLE expected.warehouse_customers_by_country AS
SELECT coalesce(country, 'none') AS country, count(*) AS customers
FROM expected.warehouse_dim_customers
WHERE is_current
GROUP BY coalesce(country, 'none')
"""


@pytest.fixture(scope="module")
def edited(proved: ProvedWarehouse, tmp_path_factory: pytest.TempPathFactory) -> ProvedWarehouse:
    """The warehouse after a build of a copy of the project, with the wrong models and a new mart."""
    copy = tmp_path_factory.mktemp("project") / "warehouse"
    shutil.copytree(PROJECT, copy)
    for edit in WRONG.values():
        edit.apply(copy)
    (copy / "models" / "marts" / f"{MART}.sql").write_text(MART_SQL)
    (copy / "models" / "marts" / f"{MART}.yml").write_text(MART_YML)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dbt_project, "project_folder", lambda: copy)
        build(proved.lake.settings, "local", lambda text: None)
    return proved


@pytest.fixture(scope="module")
def findings(edited: ProvedWarehouse) -> tuple[Finding, ...]:
    return edited.verified().findings


def test_wrong_models_are_found_each_in_its_table(findings: tuple[Finding, ...]) -> None:
    tables = {finding.table for finding in findings}
    for what, edit in WRONG.items():
        assert edit.table in tables, what
    assert tables - {"structure"} == {edit.table for edit in WRONG.values()}


def test_a_mart_is_refused_until_it_has_a_fold_and_is_proved_after(
    edited: ProvedWarehouse, findings: tuple[Finding, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The steps of "Add a mart" in docs/warehouse.md."""
    refused = [finding for finding in findings if finding.table in ("structure", MART)]
    comparisons = (*warehouse.COMPARISONS, Comparison("warehouse", MART, ("country",)))
    monkeypatch.setattr(reading, "COMPARISONS", comparisons)
    monkeypatch.setattr(warehouse, "COMPARISONS", comparisons)
    fold = warehouse.fold
    monkeypatch.setattr(warehouse, "fold", lambda cursor: (fold(cursor), cursor.execute(MART_FOLD)))

    missing, *others = sorted(edited.tables()[MART].scan().to_arrow()["country"].to_pylist())
    with edited.damaged(lambda table, rows: rows.filter(pc.field("country") != missing) if table == MART else rows):
        proof = edited.verified()

    assert [(finding.kind, finding.table, finding.key) for finding in refused] == [
        ("duplicated", "structure", f"table {MART}")
    ]
    assert others, "rows that are right"
    assert [(finding.kind, finding.key) for finding in proof.findings if finding.table in ("structure", MART)] == [
        ("lost", missing)
    ]
