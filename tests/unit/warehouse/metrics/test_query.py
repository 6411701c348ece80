"""A metric from published tables: formats, positions, limits, and what is said where a table cannot be read."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import Any

import duckdb
import pyarrow.parquet as parquet
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from typer.testing import CliRunner, Result

from shoplake import environments
from shoplake.cli.main import app
from shoplake.errors import ShoplakeError, WarehouseError
from shoplake.warehouse import publish
from shoplake.warehouse.metrics import query

POSITIONS = json.dumps({"orders": {"0": 7, "1": 4}})
REVENUE = ["metrics", "query", "revenue", "--by", "country"]


@pytest.fixture
def catalog(tmp_path, monkeypatch) -> SqlCatalog:
    (tmp_path / "lake").mkdir()
    made = SqlCatalog("shoplake", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}/lake")
    settings = SimpleNamespace(lake=SimpleNamespace(database="local_lake", warehouse="file://lake"))
    monkeypatch.setattr(query, "open_catalog", lambda _: made)
    monkeypatch.setattr(environments, "connect", lambda *_: settings)
    return made


def published(catalog: SqlCatalog, gold: duckdb.DuckDBPyConnection, name: str, build: int = 1, **summary: str) -> None:
    rows = gold.execute(f"FROM gold.{name}").to_arrow_table()
    table = catalog.create_table_if_not_exists(("local_lake_gold", name), rows.schema)
    table.append(rows, snapshot_properties={publish.BUILD: str(build), publish.POSITIONS: POSITIONS, **summary})


@pytest.fixture
def built(catalog: SqlCatalog, gold: duckdb.DuckDBPyConnection) -> SqlCatalog:
    catalog.create_namespace("local_lake_gold")
    for name in ("fct_orders", "fct_payments", "fct_sessions"):
        published(catalog, gold, name)
    return catalog


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments])


@pytest.mark.usefixtures("built")
def test_a_table_ends_with_the_positions_that_its_figures_have_read() -> None:
    done = run(*REVENUE)

    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["country", "currency", "revenue"]
    assert lines[2:] == [
        ["DE", "EUR", "650"],
        ["GB", "GBP", "500"],
        ["XXX", "90"],
        ["as", "of", "orders-0=7,", "orders-1=4"],
    ]


@pytest.mark.usefixtures("built")
def test_json_has_the_positions_beside_the_rows() -> None:
    done = run(*REVENUE, "--format", "json", "--limit", "1")

    assert json.loads(done.stdout) == {
        "rows": [{"country": "DE", "currency": "EUR", "revenue": 650}],
        "truncated": True,
        "as_of": json.loads(POSITIONS),
    }
    assert "these are the first 1 rows" in done.stderr


@pytest.mark.usefixtures("built")
def test_csv_has_only_rows_on_stdout() -> None:
    done = run(*REVENUE, "--format", "csv", "--since", "2026-09-01", "--until", "2026-09-01")

    assert done.stdout.splitlines() == ["country,currency,revenue", "DE,EUR,150", "GB,GBP,500"]
    assert done.stderr == "as of orders-0=7, orders-1=4\n"


@pytest.mark.usefixtures("built")
def test_parquet_has_types_and_the_positions_in_its_metadata() -> None:
    done = run("metrics", "query", "average_order_value", "--by", "month", "--format", "parquet")

    found = parquet.read_table(io.BytesIO(done.stdout_bytes))
    assert {field.name: str(field.type) for field in found.schema} == {
        "month": "date32[day]",
        "currency": "string",
        "average_order_value": "double",
    }
    assert found.column("average_order_value").to_pylist() == [1000, 1850, 500]
    assert found.schema.metadata[publish.POSITIONS.encode()].decode() == POSITIONS


@pytest.mark.usefixtures("catalog")
def test_a_warehouse_that_was_not_built_names_the_command_that_builds() -> None:
    error = refused(*REVENUE)
    assert isinstance(error, WarehouseError)
    assert str(error).startswith("no warehouse was built:")
    assert str(error).endswith("\n  what to do: run `shoplake warehouse build`")


def test_a_table_that_is_not_published_yet_names_the_command_that_builds(built: SqlCatalog) -> None:
    built.drop_table(("local_lake_gold", "fct_orders"))
    error = refused(*REVENUE)
    assert "there is no gold table fct_orders\n  what to do: run `shoplake warehouse build`" in str(error)


def test_tables_of_two_builds_are_not_combined(built: SqlCatalog, gold) -> None:
    published(built, gold, "fct_orders", 2, **{publish.POSITIONS: json.dumps({"orders": {"0": 9, "1": 4}})})

    error = refused(*REVENUE)

    assert "fct_orders of build 2, fct_payments of build 1" in str(error)
    assert run("metrics", "query", "sessions").exit_code == 0, "one table is of one build"


def test_a_table_that_another_program_has_written_is_not_given_positions(built: SqlCatalog, gold) -> None:
    built.load_table(("local_lake_gold", "fct_sessions")).append(
        gold.execute("FROM gold.fct_sessions").to_arrow_table()
    )
    error = refused("metrics", "query", "sessions")
    assert "the gold table fct_sessions does not say up to where it has read the log" in str(error)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["revenu"], "did you mean 'revenue'"),
        (["revenue", "--by", "day,planet"], "revenue has no dimension 'planet'"),
        (["revenue", "--since", "yesterday"], "yesterday"),
        (["revenue", "--since", "2026-02-30"], "2026-02-30"),
        (["revenue", "--since", "2026-09-02", "--until", "2026-09-01"], "before the first day"),
        (["revenue", "--where", "country ="], "is not a condition in SQL"),
        (["revenue", "--format", "xml"], "choose from table, json, csv, parquet"),
    ],
)
def test_a_wrong_question_is_refused_without_a_stack(arguments: list[str], message: str) -> None:
    done = run("metrics", "query", *arguments)

    assert (done.exception.exit_code if isinstance(done.exception, ShoplakeError) else done.exit_code) == 2
    assert message in f"{done.exception}{done.stderr}"


def test_the_list_has_each_metric_with_owner_unit_and_dimensions(project) -> None:
    rows: list[dict[str, Any]] = json.loads(run("metrics", "list", "--json").stdout)["metrics"]

    assert {row["metric"] for row in rows} == set(project.metrics)
    assert all(row["owner"] and row["unit"] and row["description"] and row["dimensions"] for row in rows)
    table = run("metrics", "list").stdout
    assert all(f"{name} " in table for name in project.metrics)


def refused(*arguments: str) -> BaseException:
    done = run(*arguments)
    assert done.exception is not None
    assert done.stdout == ""
    return done.exception
