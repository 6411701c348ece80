"""The warehouse on the embedded stack: built by the command, read by PyIceberg and by SQL, and proved by `verify`."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyiceberg.expressions import EqualTo

from shoplake.dashboards import proof
from shoplake.dashboards.figures import asked
from shoplake.map import project
from shoplake.positions import Positions
from shoplake.query import lake
from shoplake.settings import Settings
from shoplake.sinks.lake.tables import open_catalog
from shoplake.verify import StoreResult, verify
from shoplake.verify.stores import warehouse
from shoplake.warehouse import dbt_project, state
from shoplake.warehouse.metrics import definitions, dimensions
from shoplake.warehouse.metrics.sql import Question, compiled

from .metricflow_sql import metricflow_of

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(not dbt_project.has_dbt(), reason="the extra `warehouse` is not installed"),
]

TIMEOUT_S = 300


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-m", "shoplake.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def built(loaded_stack: Settings) -> Iterator[Settings]:
    """The shop of the session's stack, in gold tables, which go after this file."""
    done = run("warehouse", "build", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["new_events"] > 0
    yield loaded_stack
    catalog = open_catalog(loaded_stack)
    for identifier in catalog.list_tables(lake.gold_database(loaded_stack)):
        catalog.drop_table(identifier)
    catalog.drop_namespace(lake.gold_database(loaded_stack))


def verified(settings: Settings) -> StoreResult:
    (result,) = asyncio.run(verify(settings, ["warehouse"])).stores
    return result


def test_every_gold_table_is_exact_and_read_by_pyiceberg(built: Settings) -> None:
    result = verified(built)

    assert result.ok, result.findings
    catalog = open_catalog(built)
    found = {name: catalog.load_table((db, name)) for db, name in catalog.list_tables(lake.gold_database(built))}
    assert set(found) == {comparison.table for comparison in warehouse.COMPARISONS}
    assert sum(table.scan().count() for table in found.values()) == result.found
    positions = {table.current_snapshot().summary["shoplake.positions"] for table in found.values()}
    assert len(positions) == 1


def test_a_second_build_has_nothing_to_do(built: Settings) -> None:
    done = run("warehouse", "build")

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("is up to date\n")


def test_figures_are_read_by_sql_and_agree_with_the_orders_in_postgres(built: Settings) -> None:
    gold = run("warehouse", "query", "select sum(captured_cents) as cents from revenue_daily", "--format", "json")
    shop = run("query", "select sum(captured_cents) as cents from payments", "--store", "postgres", "--format", "json")

    assert gold.returncode == shop.returncode == 0, gold.stderr + shop.stderr
    assert json.loads(gold.stdout)["rows"] == json.loads(shop.stdout)["rows"] != [{"cents": None}]


def test_a_figure_is_traced_to_events_that_are_in_the_lake_at_their_places(built: Settings) -> None:
    rows = json.loads(
        run(
            "warehouse", "query", "select revenue_on, currency, net_cents from revenue_daily", "--format", "json"
        ).stdout
    )["rows"]
    lake_orders = open_catalog(built).load_table((built.lake.database, "orders"))
    for row in rows[:2]:
        traced = json.loads(
            run("trace", "revenue", "--day", row["revenue_on"], "--currency", row["currency"], "--json").stdout
        )

        assert traced["adds_up"]
        assert traced["net_cents"] == row["net_cents"]
        for event in traced["events"]:
            (held,) = lake_orders.scan(EqualTo("event_id", event["event_id"])).to_arrow().to_pylist()[:1]
            assert (f"orders-{held['kafka_partition']}", held["kafka_offset"]) == (event["partition"], event["offset"])
            assert held["amount_cents"] == event["amount_cents"]


def metric(*arguments: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows of a metric, and its positions."""
    done = run("metrics", "query", *arguments, "--format", "json", "--limit", "1000000")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    return answer["rows"], answer["as_of"]


@pytest.mark.parametrize(
    ("question", "statement"),
    [
        (
            ["revenue", "--by", "day"],
            "select revenue_on as day, currency, net_cents as revenue from revenue_daily order by all",
        ),
        (
            ["average_order_value", "--by", "country", "--where", "segment = 'loyal'"],
            "select country, currency, sum(total_cents) / count(*) as average_order_value from fct_orders"
            " where placed_on is not null and segment = 'loyal' group by all order by all",
        ),
        (
            ["conversion", "--by", "campaign,device"],
            "select campaign, device, sum(ordered) / sum(sessions) as conversion from funnel_daily"
            " group by all order by all",
        ),
        (
            ["return_rate", "--by", "carrier"],
            "select carrier, sum(returned) / sum(shipments) as return_rate from delivery_performance"
            " group by all order by all",
        ),
    ],
)
def test_a_metric_is_what_sql_over_the_gold_tables_gives(built: Settings, question: list[str], statement: str) -> None:
    rows, as_of = metric(*question)

    expected = json.loads(run("warehouse", "query", statement, "--format", "json", "--limit", "1000000").stdout)["rows"]
    assert rows == expected
    assert len(rows) > 1
    assert as_of == json.loads(run("warehouse", "status", "--json").stdout)["positions"]


@pytest.fixture(scope="module")
def pages(built: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dashboards of the shop, made by the command after a verification."""
    assert verified(built).ok
    out = tmp_path_factory.mktemp("dashboards")
    done = run("dashboards", "build", "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["proved"], document["dashboards"]) == (True, len(asked()))
    return out


def figures_of(page: Path, panel: str) -> list[tuple[str, ...]]:
    """The rows of the table of a panel: dimensions as text, and the raw figure."""
    (section,) = re.findall(rf'<section id="{panel}".*?</section>', page.read_text(), re.DOTALL)
    rows = re.findall(r"<tr><td>.*?</tr>", section)
    return [(*re.findall(r"<td>([^<]*)</td>", row), *re.findall(r'<data value="([^"]*)">', row)) for row in rows]


@pytest.mark.parametrize(
    ("dashboard", "panel", "statement"),
    [
        (
            "shop-overview",
            "revenue_by_day",
            "select revenue_on, currency, net_cents from revenue_daily order by all",
        ),
        (
            "funnel",
            "conversion_by_campaign",
            "select coalesce(campaign, '(none)'), sum(ordered) / sum(sessions) from funnel_daily"
            " group by campaign order by campaign",
        ),
        (
            "deliveries",
            "return_rate_by_carrier",
            "select carrier, sum(returned) / sum(shipments) from delivery_performance group by all order by all",
        ),
        (
            "cohorts",
            "customers_by_month",
            "select date_trunc('month', cohort_month)::date, month_number, sum(customers) from cohort_retention"
            " where month_number = 0 group by all order by all",
        ),
    ],
)
def test_a_page_has_the_figures_of_the_marts(pages: Path, dashboard: str, panel: str, statement: str) -> None:
    expected = json.loads(run("warehouse", "query", statement, "--format", "json", "--limit", "100000").stdout)["rows"]
    shown = figures_of(pages / f"{dashboard}.html", panel)
    assert [one[:-1] for one in shown] == [tuple(map(str, list(row.values())[:-1])) for row in expected]
    assert [float(one[-1]) for one in shown] == [pytest.approx(list(row.values())[-1]) for row in expected]
    assert len(shown) > 0


def test_every_metric_by_all_of_its_dimensions_is_what_metricflow_answers(built: Settings) -> None:
    known = definitions.of_project()
    answered: set[str] = set()
    explained = metricflow_of(state.folder("local") / "target" / "semantic_manifest.json", known)
    with duckdb.connect(str(state.database("local")), read_only=True) as connection:
        for name in known.metrics:
            ours = compiled(known, Question(name, dimensions.names(known, known.metric(name))))
            theirs = connection.execute(explained(name, ours.columns[:-1])).fetchall()
            days = [tuple(value.date() if isinstance(value, datetime) else value for value in row) for row in theirs]
            assert Counter(connection.execute(ours.statement).fetchall()) == Counter(days), name
            if days:
                answered.add(name)
    assert answered >= {"revenue", "average_order_value", "conversion", "return_rate", "retention", "stock_out_rate"}


def test_the_tests_of_the_models_pass(built: Settings) -> None:
    done = run("warehouse", "test", "--select", "test_type:data")

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("tests passed\n")


def test_status_has_each_table_with_its_rows_and_positions(built: Settings) -> None:
    status = json.loads(run("warehouse", "status", "--json").stdout)

    rows = {table["table"]: table["rows"] for table in status["tables"]}
    assert (
        rows["fct_orders"] == open_catalog(built).load_table((lake.gold_database(built), "fct_orders")).scan().count()
    )
    assert sum(status["positions"]["orders"].values()) >= rows["stg_orders"] > 0


def test_a_row_that_is_gone_is_named_by_its_key_and_the_next_build_repairs_it(built: Settings) -> None:
    """Every table and kind of damage: test_warehouse_damage.py."""
    table = open_catalog(built).load_table((lake.gold_database(built), "fct_orders"))
    row = table.scan(limit=1).to_arrow().to_pylist()[0]
    positions = table.current_snapshot().summary["shoplake.positions"]
    table.delete(EqualTo("order_id", row["order_id"]), snapshot_properties={"shoplake.positions": positions})

    result = verified(built)

    assert f"{row['order_id']}/{row['customer_id']}" in {finding.key for finding in result.findings}
    assert {(finding.kind, finding.table) for finding in result.findings} == {("lost", "fct_orders")}
    wrong = proof.newest("local", Positions.parse(positions))
    assert wrong is not None
    assert (wrong.exact, wrong.wrong) == (False, 1)
    assert run("warehouse", "build", "--full-refresh").returncode == 0
    assert verified(built).ok


def test_the_map_says_of_each_model_what_dbt_says(built: Settings) -> None:
    manifest = json.loads((state.folder("local") / "target" / "manifest.json").read_text())
    nodes = {one["name"]: one for one in manifest["nodes"].values() if one["resource_type"] == "model"}
    graph = project.graph()
    models = {one.name: one for one in graph.datasets.values() if one.system in ("silver", "gold")}
    names = {node: one["name"] for node, one in {**manifest["nodes"], **manifest["sources"]}.items()}
    assert models.keys() == nodes.keys()
    for name, node in nodes.items():
        model, config = models[name], node["config"]
        columns = [(one.name, one.description) for one in model.fields if "." not in one.name]
        assert model.system == node["schema"]
        assert model.description == " ".join(node["description"].split())
        assert (model.owner, model.grain) == (config["meta"]["owner"], config["meta"]["grain"])
        assert sorted(model.tags) == sorted(node["tags"])
        assert columns == [(one["name"], " ".join(one["description"].split())) for one in node["columns"].values()]
        assert [one.name for one in model.fields if one.key] == [
            key for key, _ in columns if key in config.get("key", [])
        ]
        read = {edge.source.partition(".")[2] for edge in graph.edges(model.id, "up")}
        assert read == {names[one] for one in node["depends_on"]["nodes"]}
