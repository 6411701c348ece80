"""`shoplake catalog`: what it prints, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from shoplake.cli import catalog, contract
from shoplake.contract import export
from shoplake.errors import ContractError, UnknownName

pytestmark = pytest.mark.usefixtures("graph")


def run(*arguments: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(catalog.app, list(arguments))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == exit_code
    return result.stdout


def test_list_shows_the_datasets_of_a_system_or_an_owner() -> None:
    found = json.loads(run("list", "--system", "redis", "--owner", "finance", "--json"))["datasets"]
    assert [(one["dataset"], one["kind"], one["data_class"]) for one in found] == [
        ("redis.revenue", "key pattern", "internal")
    ]
    assert "gold.fct_orders" in run("list", "--tag", "fact")


def test_show_has_columns_and_neighbours() -> None:
    found = json.loads(run("show", "dim_customers", "--json"))
    email = next(one for one in found["columns"] if one["name"] == "email")
    assert (email["data_class"], email["class_reason"]) == ("personal", "from silver.stg_customers.email")
    assert found["upstream"] == ["silver.stg_customers"]
    assert "gold.fct_orders" in found["downstream"]
    text = run("show", "dim_customers")
    assert "one row per customer and version" in text
    assert "newest event at most 26 h ago" in text


def test_search_ends_with_one_if_nothing_is_found() -> None:
    assert "mongodb.customers.profile.email" in run("search", "customer", "email")
    assert run("search", "emial", exit_code=1) == ""
    assert json.loads(run("search", "emial", "--json", exit_code=1)) == {"hits": []}


@pytest.mark.parametrize(
    ("form", "part"), [("tree", "└─"), ("json", '"up"'), ("mermaid", "flowchart LR"), ("svg", "<svg ")]
)
def test_lineage_has_four_formats(form: str, part: str) -> None:
    assert part in run("lineage", "fct_orders.total_cents", "--up", "--format", form)


def test_impact_names_the_source_of_an_ambiguous_column() -> None:
    text = run("impact", "orders.total_cents")
    assert "a change of kafka.orders.total_cents touches 9 columns in 8 datasets" in text


def test_export_writes_one_document_for_each_dataset() -> None:
    (contract,) = yaml.safe_load_all(run("export", "fct_orders"))
    assert contract["id"] == "shoplake.gold.fct_orders"
    assert json.loads(run("export", "--format", "dcat"))["@type"] == "dcat:Catalog"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "fct_ordrs"], r"did you mean 'gold\.fct_orders'"),
        (["list", "--system", "gld"], r"there is no system 'gld'; did you mean 'gold'"),
        (["list", "--owner", "finanze"], r"did you mean 'finance'"),
        (["lineage", "fct_orders", "--format", "pdf"], r"there is no format 'pdf'"),
        (["export", "--format", "odsc"], r"did you mean 'odcs'"),
    ],
)
def test_an_unknown_name_is_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        run(*arguments)


def test_a_refused_change_of_the_contract_names_what_uses_the_field(tmp_path: Path) -> None:
    older = export()
    reasons = older["topics"]["reviews"]["events"]["review_removed"]["properties"]["reason"]
    reasons["enum"] = [*reasons["enum"], "boring"]
    older["topics"]["orders"]["events"]["order_placed"]["properties"]["gift_note"] = {"type": "string"}
    file = tmp_path / "older.json"
    file.write_text(json.dumps(older))
    with pytest.raises(ContractError) as refused:
        contract.check(against=str(file))
    refused.match(
        r"review_removed\.reason: enum value removed.*\n.*\n +used by: postgres\.reviews\.removal_reason, lake"
    )
    refused.match(r"gift_note: field removed\n.*\n +used by: lake\.orders\.gift_note")
