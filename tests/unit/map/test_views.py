"""Search, lineage, impact and exports: views of the map."""

from __future__ import annotations

import json
from importlib.resources import files
from xml.etree import ElementTree

import jsonschema
import pytest

from shoplake.errors import UnknownName
from shoplake.map.graph import Dataset, Edge, Field, Freshness, Graph
from shoplake.map.views import exports, impact
from shoplake.map.views.lineage import Lineage
from shoplake.map.views.lineage_picture import svg
from shoplake.map.views.search import Index, index

SMALL = Graph.of(
    [
        Dataset("jobs", "load", "job", "Loads.", "data"),
        Dataset("kafka", "sales", "topic", "What was sold.", "shop", fields=(Field("cents", "integer"), Field("day"))),
        Dataset(
            "gold",
            "turnover",
            "model",
            "Turnover by day.",
            "finance",
            tags=("mart",),
            fields=(
                Field("on", "date", key=True),
                Field("cents", "bigint", "Sum of all sales.", data_class="personal"),
            ),
            freshness=Freshness(event_time_s=3600),
        ),
        Dataset("metrics", "turnover", "metric", "Turnover.", "finance", fields=(Field("value"),)),
    ],
    [
        Edge("kafka.sales.cents", "gold.turnover.cents", "jobs.load"),
        Edge("kafka.sales.day", "gold.turnover.on", "jobs.load"),
        Edge("kafka.sales.day", "gold.turnover.cents", "jobs.load", condition=True),
        Edge("gold.turnover.cents", "metrics.turnover.value"),
    ],
)


def names(searched: Index, text: str) -> list[str]:
    return [str(hit.found) for hit in searched.search(text)]


def test_a_search_finds_columns_by_words_of_the_column_and_of_its_dataset(graph: Graph) -> None:
    found = names(index(graph), "customer email")
    assert found[0] in {"kafka.customers.email", "postgres.customers.email"}
    assert {"gold.dim_customers.email", "mongodb.customers.profile.email"} <= set(found)
    assert all("email" in one for one in found)


def test_a_search_matches_beginnings_of_words_and_wants_all_of_them() -> None:
    searched = index(SMALL)
    assert names(searched, "turn") == ["gold.turnover", "metrics.turnover"]
    assert names(searched, "turnover cents") == ["gold.turnover.cents"]
    assert names(searched, "Sale") == ["kafka.sales", "gold.turnover.cents"]
    assert names(searched, "mart finance") == ["gold.turnover"]
    assert names(searched, "sales nothing") == []
    assert names(searched, "!") == []
    assert searched.nearest("turnovr") == "turnover"


def test_a_tree_follows_both_directions_and_marks_jobs_and_conditions() -> None:
    assert list(Lineage(SMALL, "gold.turnover.cents", ("up", "down")).tree()) == [
        "gold.turnover.cents",
        "comes from:",
        "├─ kafka.sales.cents  [jobs.load]",
        "└─ kafka.sales.day  [jobs.load, condition]",
        "goes to:",
        "└─ metrics.turnover.value",
    ]
    assert list(Lineage(SMALL, "metrics.turnover", ("up",), depth=1).tree()) == [
        "metrics.turnover",
        "comes from:",
        "└─ gold.turnover",
    ]


def test_a_job_comes_from_what_it_reads_and_goes_to_what_it_writes() -> None:
    assert list(Lineage(SMALL, "jobs.load", ("up", "down"), depth=1).tree())[2::2] == [
        "└─ kafka.sales",
        "└─ gold.turnover",
    ]
    assert SMALL.reached("gold.turnover", "up") == ["kafka.sales"]


def test_mermaid_and_svg_have_every_column_and_edge() -> None:
    lineage = Lineage(SMALL, "gold.turnover.cents", ("up", "down"))
    lines = list(lineage.mermaid())
    assert lines[0] == "flowchart LR"
    assert sum("-->" in line for line in lines) == 2
    assert sum("-.->" in line for line in lines) == 1
    picture = ElementTree.fromstring(svg(lineage))
    texts = [one.text for one in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["kafka.sales", "cents", "day", "gold.turnover", "cents", "metrics.turnover", "value"]
    assert len(list(picture.iter("{http://www.w3.org/2000/svg}path"))) == 3


def test_json_has_the_edges_of_each_direction() -> None:
    found = Lineage(SMALL, "gold.turnover.cents", ("up",)).as_json()
    assert found == {
        "name": "gold.turnover.cents",
        "up": [
            {"source": "kafka.sales.cents", "target": "gold.turnover.cents", "job": "jobs.load", "condition": False},
            {"source": "kafka.sales.day", "target": "gold.turnover.cents", "job": "jobs.load", "condition": True},
        ],
    }


def test_an_impact_lists_what_a_change_touches_and_who_owns_it(graph: Graph) -> None:
    found = impact.of(graph, impact.source_column(graph, "orders.total_cents"))
    touched = {one.dataset.column(one.column): one.condition for one in found.touched}
    assert str(found.changed) == "kafka.orders.total_cents"
    assert touched == dict.fromkeys(
        [
            "postgres.orders.total_cents",
            "dynamodb.orders.total_cents",
            "lake.orders.total_cents",
            "silver.stg_orders.total_cents",
            "gold.fct_orders.total_cents",
            "metrics.order_value.value",
            "metrics.average_order_value.value",
            "dashboards.shop-overview.average_order_value",
            "dashboards.shop-overview.order_value_by_segment",
        ],
        False,
    )
    assert found.owners == ["commerce", "data-platform"]
    day = impact.of(SMALL, impact.source_column(SMALL, "sales.day"))
    assert [(one.column, one.condition) for one in day.touched] == [("on", False), ("cents", True), ("value", True)]


def test_an_impact_refuses_a_name_without_one_source(graph: Graph) -> None:
    with pytest.raises(UnknownName, match="can mean"):
        impact.source_column(graph, "checkpoints.next_offset")
    with pytest.raises(UnknownName, match=r"gold\.fct_orders is a dataset; expected a column of it"):
        impact.source_column(graph, "fct_orders")


def test_a_short_impact_is_one_line(graph: Graph) -> None:
    line = impact.short(graph, "kafka.orders.total_cents", limit=2)
    assert line == "used by: postgres.orders.total_cents, dynamodb.orders.total_cents and 7 more"
    assert impact.short(graph, "kafka.orders.nothing") == ""


def test_each_contract_is_valid_against_the_published_schema(graph: Graph) -> None:
    schema = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text())
    validator = jsonschema.Draft201909Validator(schema)
    datasets = exports.exported(graph)
    assert {one.id for one in datasets} == {one.id for one in graph.datasets.values() if one.kind != "job"}
    for dataset in datasets:
        contract = exports.odcs(graph, dataset)
        assert not [error.message for error in validator.iter_errors(contract)], dataset.id
    assert list(validator.iter_errors({**contract, "unknown": 1}))


def test_a_contract_says_what_the_map_says() -> None:
    (table,) = exports.odcs(SMALL, SMALL.datasets["gold.turnover"])["schema"]
    assert table["properties"] == [
        {
            "name": "on",
            "logicalType": "date",
            "physicalType": "date",
            "classification": "internal",
            "transformSourceObjects": ["kafka.sales.day"],
            "primaryKey": True,
            "primaryKeyPosition": 1,
        },
        {
            "name": "cents",
            "logicalType": "integer",
            "physicalType": "bigint",
            "description": "Sum of all sales.",
            "classification": "personal",
            "transformSourceObjects": ["kafka.sales.cents", "kafka.sales.day"],
        },
    ]
    sla = exports.odcs(SMALL, SMALL.datasets["gold.turnover"])["slaProperties"]
    assert [(one["property"], one["value"], one["unit"]) for one in sla] == [("freshness", 3600, "s")]


def test_dcat_has_a_dataset_with_its_publisher_access_and_sources() -> None:
    (dataset,) = exports.dcat(SMALL, [SMALL.datasets["gold.turnover"]])["dcat:dataset"]
    assert dataset["@id"] == "urn:shoplake:gold.turnover"
    assert dataset["dcterms:publisher"]["foaf:name"] == "finance"
    assert dataset["dcterms:accessRights"]["@id"].endswith("/NON_PUBLIC")
    assert dataset["prov:wasDerivedFrom"] == [{"@id": "urn:shoplake:kafka.sales"}]
