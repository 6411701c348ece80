"""What is said of a definition that is incomplete, or of a kind that is not compiled here."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoplake.errors import WarehouseError
from shoplake.warehouse.metrics import definitions, dimensions
from shoplake.warehouse.metrics.sql import Question, compiled

MODELS = """
semantic_models:
  - name: orders
    model: ref('fct_orders')
    defaults: { agg_time_dimension: placed_on }
    entities: [{ name: order_key, type: primary, expr: order_id }, { name: customer, type: foreign }]
    dimensions:
      - { name: placed_on, type: time, type_params: { time_granularity: day } }
      - { name: currency, type: categorical }
    measures:
      - { name: cents, agg: sum }
      - { name: middle, agg: median, expr: cents }
      - { name: last, agg: sum, expr: cents, non_additive_dimension: { name: placed_on, window_choice: max } }
  - name: customers
    model: ref('dim_customers')
    entities: [{ name: customer, type: primary, expr: customer_id }, { name: shop, type: foreign }]
    dimensions: [{ name: currency, type: categorical }, { name: city, type: categorical }]
  - name: shops
    model: ref('dim_shops')
    entities: [{ name: shop, type: primary }, { name: customer, type: foreign }]
    dimensions: [{ name: city, type: categorical }, { name: region, type: categorical }]
metrics:
  - name: money
    label: Money
    description: All money.
    type: simple
    type_params: { measure: cents }
    config: { meta: { owner: finance, unit: minor units of currency, always_by: [currency] } }
"""
META = "{ owner: finance, unit: ratio }"


def loaded(folder: Path, metric: str = "") -> definitions.Definitions:
    (folder / "metrics.yml").write_text(MODELS + metric)
    return definitions.load(folder)


def metric(kind: str, params: str, meta: str = META, more: str = "") -> str:
    return (
        f"  - {{ name: x, label: X, description: An x., type: {kind}, type_params: {params},"
        f" config: {{ meta: {meta} }} {more} }}\n"
    )


@pytest.mark.parametrize(
    ("added", "message"),
    [
        (metric("cumulative", "{ measure: cents }"), "is of the type cumulative"),
        (metric("simple", "{ measure: middle }"), "uses the aggregation median in the measure middle"),
        (metric("simple", "{ measure: last }"), "uses non_additive_dimension in the measure last"),
        (metric("simple", "{ measure: none }"), "needs one measure none, found 0"),
        (metric("simple", "{ measure: { name: cents, join_to_timespine: true } }"), "uses join_to_timespine"),
        (metric("simple", "{ measure: cents }", more=", time_granularity: month"), "uses time_granularity"),
        (
            metric("ratio", "{ numerator: money, denominator: nothing }"),
            "needs the metric nothing, which does not exist",
        ),
        (metric("ratio", "{ numerator: money, denominator: x }"), "depends on itself"),
        (
            metric("derived", "{ expr: a, metrics: [{ name: money, alias: a, offset_window: 1 month }] }"),
            "uses offset_window",
        ),
        (metric("simple", "{ measure: cents }", "{ owner: finance }"), "has no unit"),
        (metric("simple", "{ measure: cents }", "{}"), "has no owner and no unit"),
        (
            metric("simple", "{ measure: cents }", "{ owner: f, unit: minor units of currency }"),
            ".*`always_by` has to have currency",
        ),
    ],
)
def test_what_cannot_be_compiled_is_named_and_stops_no_other_metric(tmp_path, added: str, message: str) -> None:
    known = loaded(tmp_path, added)

    with pytest.raises(WarehouseError, match=rf"metrics\.yml: the metric x {message}"):
        known.metric("x")
    assert compiled(known, Question("money")).columns == ("currency", "money")


def test_an_input_that_is_grouped_by_currency_makes_the_metric_so(tmp_path) -> None:
    known = loaded(tmp_path, metric("derived", "{ expr: 2 * a, metrics: [{ name: money, alias: a }] }"))
    assert compiled(known, Question("x", ["day"])).columns == ("day", "currency", "x")


def test_of_two_columns_with_one_name_the_nearer_is_meant_and_the_other_has_a_longer_name(tmp_path, gold) -> None:
    known = loaded(tmp_path)
    found = dimensions.columns(known, known.models["orders"])

    assert {name: column.model.name for name, column in found.items()} == {
        "currency": "orders",
        "customer__currency": "customers",
        "city": "customers",
        "customer__city": "customers",
        "region": "shops",
        "shop__city": "shops",
        "shop__region": "shops",
    }


@pytest.mark.parametrize(
    "text",
    ["semantic_models: [{ name: a }]", "metrics: [", "metrics: 3", "semantic_models: [{ name: a, model: fct_orders }]"],
)
def test_a_file_that_is_not_dbts_is_named(tmp_path, text: str) -> None:
    (tmp_path / "bad.yml").write_text(text)
    with pytest.raises(WarehouseError, match=r"bad\.yml: expected semantic models and metrics of dbt"):
        definitions.load(tmp_path)
