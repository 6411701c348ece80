"""Lineage of columns from an event's field to a figure, both ways. The pairs were written by hand, from the SQL."""

from __future__ import annotations

import pytest

from shoplake.map import sql_lineage
from shoplake.map.graph import Graph

# Column -> the fields whose values it has, and those that only decide which rows count.
PAIRS: dict[str, tuple[set[str], set[str]]] = {
    "metrics.revenue.value": ({"orders.amount_cents"}, {"orders.type", "orders.occurred_at_ms"}),
    "metrics.revenue.country": ({"customers.country"}, set()),
    "metrics.order_value.value": ({"orders.total_cents"}, {"orders.type", "orders.occurred_at_ms"}),
    "metrics.average_order_value.value": ({"orders.total_cents"}, {"orders.type", "orders.occurred_at_ms"}),
    "metrics.orders.value": (set(), {"orders.type", "orders.occurred_at_ms"}),
    "metrics.conversion.value": ({"clicks.type"}, {"clicks.session_id"}),
    "metrics.conversion.device": ({"clicks.device"}, {"clicks.type"}),
    "metrics.retention.value": (set(), {"orders.type", "orders.occurred_at_ms"}),
    "metrics.return_rate.value": (set(), {"orders.type", "orders.occurred_at_ms"}),
    "metrics.return_rate.carrier": ({"orders.carrier"}, set()),
    "metrics.stock_out_rate.value": ({"inventory.quantity"}, {"inventory.type", "inventory.occurred_at_ms"}),
    "gold.dim_dates.date_day": (
        {f"{topic}.occurred_at_ms" for topic in ("clicks", "customers", "inventory", "orders", "products", "reviews")},
        set(),
    ),
    "gold.customer_value.net_cents": ({"orders.amount_cents"}, {"orders.type"}),
    "gold.customer_value.recency_score": (
        set(),
        {"orders.occurred_at_ms", "orders.type", "orders.currency", "orders.customer_id"},
    ),
    "gold.customer_value.monetary_score": (
        set(),
        {"orders.amount_cents", "orders.type", "orders.currency", "orders.customer_id"},
    ),
    "gold.revenue_daily.currency": ({"orders.currency"}, set()),
    "gold.revenue_daily.net_eur_cents": ({"orders.amount_cents"}, {"orders.type"}),
    "metrics.revenue_eur.value": ({"orders.amount_cents"}, {"orders.type"}),
    "gold.revenue_daily.payments": (set(), {"orders.payment_id", "orders.customer_id", "orders.type"}),
    "gold.product_performance.units_ordered": ({"orders.lines[].quantity"}, set()),
    "gold.product_performance.units_returned": ({"inventory.quantity"}, {"inventory.type"}),
    "gold.product_performance.rating_sum": ({"reviews.rating"}, {"reviews.type", "reviews.occurred_at_ms"}),
    "gold.product_performance.product_id": (
        {
            *("clicks.product_id", "products.product_id", "orders.lines[].product_id", "reviews.product_id"),
            "inventory.product_id",
        },
        set(),
    ),
    "gold.fct_order_items.amount_cents": ({"orders.lines[].quantity", "orders.lines[].unit_price_cents"}, set()),
    "gold.fct_orders.units": ({"orders.lines[].quantity"}, {"orders.type"}),
    "gold.fct_orders.status": ({"orders.type"}, set()),
    "gold.fct_sessions.cart_value_cents": ({"clicks.quantity", "clicks.unit_price_cents"}, {"clicks.type"}),
    "gold.dim_customers.email": ({"customers.email"}, set()),
    "gold.delivery_performance.delivery_seconds_total": ({"orders.occurred_at_ms"}, {"orders.type"}),
    "redis.revenue.amount_cents": ({"orders.amount_cents"}, set()),
    "dashboards.shop-overview.revenue_by_day": ({"orders.amount_cents"}, {"orders.type", "orders.occurred_at_ms"}),
    "dashboards.shop-overview.orders_by_country": (
        set(),
        {"orders.type", "orders.occurred_at_ms", "customers.country"},
    ),
    "dashboards.funnel.conversion_by_device": ({"clicks.type"}, {"clicks.session_id", "clicks.device"}),
    "dashboards.deliveries.return_rate_by_carrier": (
        set(),
        {"orders.type", "orders.occurred_at_ms", "orders.carrier"},
    ),
}


@pytest.mark.parametrize("column", PAIRS)
def test_a_column_comes_from_these_fields_of_events(column: str, graph: Graph) -> None:
    values, conditions = PAIRS[column]
    by_value = {name for name in graph.reached_by_value(column, "up") if name.startswith("kafka.")}
    every = {name for name in graph.reached(column, "up") if name.startswith("kafka.")}
    assert by_value == {f"kafka.{field}" for field in values}
    assert every - by_value == {f"kafka.{field}" for field in conditions}


def test_each_of_these_fields_goes_to_the_column(graph: Graph) -> None:
    fields = {field for pair in PAIRS.values() for field in (*pair[0], *pair[1])}
    reached = {field: graph.reached(f"kafka.{field}", "down") for field in fields}
    by_value = {field: graph.reached_by_value(f"kafka.{field}", "down") for field in fields}
    for column, (values, conditions) in PAIRS.items():
        assert {field for field in fields if column in reached[field]} == values | conditions
        assert {field for field in fields if column in by_value[field]} == values


SCHEMA = {"model": {"t": {"a": "bigint", "b": "bigint", "c": "varchar", "list": "struct(x bigint, y bigint)[]"}}}


@pytest.mark.parametrize(
    ("expression", "values", "conditions"),
    [
        ("a + b", {"a", "b"}, set()),
        ("sum(a) filter (where c = 'x')", {"a"}, {"c"}),
        ("count(*) filter (where c = 'x')", set(), {"c"}),
        ("count(b)", set(), {"b"}),
        ("arg_max(a, b)", {"a"}, set()),
        ("case c when 'x' then 1 else 0 end", {"c"}, set()),
        ("case when c = 'x' then a else b end", {"a", "b"}, {"c"}),
        ("sum(a) over (partition by c order by b)", {"a"}, set()),
        ("row_number() over (partition by c order by b)", set(), {"b", "c"}),
        ("row_number() over w", set(), {"b", "c"}),
        ("list_transform(list, lambda one: one.x)", {"list.x"}, set()),
        ("len(list)", {"list"}, set()),
        ("(select 1)", set(), set()),
    ],
)
def test_an_expression_has_values_and_conditions(expression: str, values: set[str], conditions: set[str]) -> None:
    statement = f"select {expression} as made from model.t window w as (partition by c order by b)"
    origins = sql_lineage.of_statement(statement, SCHEMA).columns["made"]
    named = {(".".join((one.column, *one.path)), one.condition) for one in origins}
    assert named == {(name, False) for name in values} | {(name, True) for name in conditions}


def test_a_count_of_rows_comes_from_what_they_are_grouped_by() -> None:
    for group in ("b, c", "all"):
        found = sql_lineage.of_statement(f"select b, c, count(*) as n from model.t group by {group}", SCHEMA)
        assert {one.column for one in found.columns["n"]} == {"b", "c"}


def test_columns_are_followed_through_ctes_unions_joins_and_stars() -> None:
    found = sql_lineage.of_statement(
        """
        with one as (select a as x, c from model.t), two as (select * from one union all select b, c from model.t),
        three as (select unnest(list) as line, c from model.t)
        select two.*, line.y as y from two full join three using (c)
        """,
        SCHEMA,
    )
    named = {name: {".".join((one.column, *one.path)) for one in origins} for name, origins in found.columns.items()}
    assert named == {"x": {"a", "b"}, "c": {"c"}, "y": {"list.y"}}
    assert found.tables == ("model.t",)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ("select nothing from model.t", "no input has the column nothing"),
        ("select from where", "Expected"),
        ("drop table model.t", "expected one SELECT, found Drop"),
    ],
)
def test_sql_that_cannot_be_followed_is_refused(wrong: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        sql_lineage.of_statement(wrong, SCHEMA)
