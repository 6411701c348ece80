"""Each metric on rows whose figures are worked out by hand: times at the edge of a day, joins, and empty groups."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import pytest

from shoplake.errors import QueryRefused, UnknownName, UsageError, WarehouseError
from shoplake.warehouse.metrics import definitions, dimensions
from shoplake.warehouse.metrics.definitions import Definitions
from shoplake.warehouse.metrics.sql import Question, compiled

AUG_31, SEP_1, SEP_2, SEP_30 = date(2026, 8, 31), date(2026, 9, 1), date(2026, 9, 2), date(2026, 9, 30)
YEAR, JUL, AUG, SEP = date(2026, 1, 1), date(2026, 7, 1), date(2026, 8, 1), date(2026, 9, 1)
ALL_METRICS = definitions.of_project().metrics


def asked(gold: duckdb.DuckDBPyConnection, known: Definitions, metric: str, *by: str, **question: Any) -> list[Any]:
    return gold.execute(compiled(known, Question(metric, by, **question)).statement).fetchall()


@pytest.mark.parametrize(
    ("metric", "by", "rows"),
    [
        (
            "revenue",
            ["day"],
            [
                (AUG_31, "EUR", 600),
                (SEP_1, "EUR", 150),  # 400 captured, 250 refunded
                (SEP_1, "GBP", 500),
                (SEP_2, "XXX", 90),
                (SEP_30, "EUR", -100),
            ],
        ),
        (
            "revenue",
            ["week"],  # 31 August is a Monday
            [(AUG_31, "EUR", 750), (AUG_31, "GBP", 500), (AUG_31, "XXX", 90), (date(2026, 9, 28), "EUR", -100)],
        ),
        ("revenue", ["country"], [("DE", "EUR", 650), ("GB", "GBP", 500), (None, "XXX", 90)]),
        ("revenue", ["campaign"], [("none", "GBP", 500), ("summer", "EUR", 650), (None, "XXX", 90)]),
        (
            "revenue",
            ["method"],
            [("card", "EUR", 350), ("card", "GBP", 500), ("card", "XXX", 90), ("transfer", "EUR", 300)],
        ),
        ("revenue_captured", [], [("EUR", 1000), ("GBP", 500), ("XXX", 90)]),
        ("revenue_refunded", ["day"], [(SEP_1, "EUR", 250)]),
        ("revenue_charged_back", ["month"], [(SEP, "EUR", 100)]),
        ("revenue_eur", ["day"], [(AUG_31, 600), (SEP_1, 731), (SEP_2, None), (SEP_30, -100)]),
        ("revenue_eur", [], [(1231,)]),
        ("orders", [], [(4,)]),
        ("orders", ["day"], [(AUG_31, 1), (SEP_1, 2), (SEP_30, 1)]),
        ("orders", ["country"], [("DE", 2), ("GB", 1), (None, 1)]),
        ("orders", ["device", "segment"], [("none", "loyal", 1), ("phone", "regular", 2), (None, None, 1)]),
        ("order_value", [], [("EUR", 4700), ("GBP", 500)]),
        ("average_order_value", ["month"], [(AUG, "EUR", 1000.0), (SEP, "EUR", 1850.0), (SEP, "GBP", 500.0)]),
        ("sessions", ["campaign"], [("none", 3), ("summer", 2)]),
        ("sessions_with_order", ["day"], [(AUG_31, 1), (SEP_1, 2)]),
        ("conversion", [], [(0.6,)]),
        ("conversion", ["device"], [("desktop", 0.0), ("none", 1.0), ("phone", 2 / 3)]),
        ("shipments", ["carrier"], [("dhl", 2), ("ups", 1)]),
        ("returned_shipments", ["day"], [(SEP_1, 1), (SEP_2, 0)]),
        ("return_rate", [], [(1 / 3,)]),
        ("return_rate", ["country"], [("DE", 0.5), ("GB", 0.0)]),
        ("stock_days", ["product"], [("k1", 3), ("k2", 1)]),
        ("stock_out_days", ["warehouse"], [("w1", 1), ("w2", 1)]),
        ("stock_out_rate", [], [(0.5,)]),
        ("stock_out_rate", ["category"], [("Garden", 2 / 3), (None, 0.0)]),
        ("retention", [], [(JUL, 0, 1.0), (JUL, 1, 0.4), (AUG, 0, 1.0)]),
        ("retained_customers", ["month_number"], [(0, JUL, 10), (0, AUG, 6), (1, JUL, 4)]),
        ("cohort_customers", ["year"], [(YEAR, JUL, 0, 10), (YEAR, JUL, 1, 10), (YEAR, AUG, 0, 6)]),
    ],
)
def test_a_metric_has_the_figure_of_its_definition(gold, project, metric: str, by: list[str], rows: list[Any]) -> None:
    assert asked(gold, project, metric, *by) == rows


def test_each_metric_is_among_those_worked_out_by_hand() -> None:
    cases = test_a_metric_has_the_figure_of_its_definition.pytestmark[0].args[1]
    assert {metric for metric, _, _ in cases} == set(ALL_METRICS)


@pytest.mark.parametrize(
    ("since", "until", "rows"),
    [
        (SEP_1, SEP_1, [("EUR", 150), ("GBP", 500)]),
        (None, AUG_31, [("EUR", 600)]),
        (SEP_2, None, [("EUR", -100), ("XXX", 90)]),
        (date(2026, 10, 1), None, []),
    ],
)
def test_the_first_and_the_last_day_count(gold, project, since, until, rows) -> None:
    assert asked(gold, project, "revenue", since=since, until=until) == rows


@pytest.mark.parametrize(
    ("metric", "value"), [("orders", 0), ("conversion", None), ("return_rate", None), ("stock_out_rate", None)]
)
def test_without_rows_a_count_is_zero_and_a_rate_is_not_known(gold, project, metric: str, value: Any) -> None:
    assert asked(gold, project, metric, since=date(2030, 1, 1)) == [(value,)]
    assert asked(gold, project, metric, "month", since=date(2030, 1, 1)) == []


@pytest.mark.parametrize(
    ("metric", "where", "rows"),
    [
        ("conversion", "device = 'phone' and day = '2026-09-01'", [(0.5,)]),
        ("conversion", "Device in ('desktop', 'none')", [(0.5,)]),
        ("orders", "country is null", [(1,)]),
        ("orders", "session_key__device = 'phone' or segment = 'loyal'", [(3,)]),
        ("orders", "country = 'DE' -- a comment", [(2,)]),
        ("revenue", "currency = 'GBP'", [("GBP", 500)]),
    ],
)
def test_a_condition_is_over_dimensions_that_need_not_be_grouped_by(gold, project, metric, where, rows) -> None:
    assert asked(gold, project, metric, where=where) == rows


@pytest.mark.parametrize("metric", ALL_METRICS)
def test_every_metric_can_be_grouped_by_every_dimension_that_it_lists(gold, project, metric: str) -> None:
    listed = dimensions.names(project, project.metric(metric))
    assert len(listed) >= 4
    for name in listed:
        assert asked(gold, project, metric, name), name
        assert asked(gold, project, metric, where=f"{name} is not null"), name
    assert asked(gold, project, metric, *listed)


@pytest.mark.parametrize("metric", ALL_METRICS)
def test_money_is_never_added_up_over_currencies(project, metric: str) -> None:
    measures = {one.how.measure.expr for one in dimensions.simple_metrics(project.metric(metric))}
    of_money = any("cents" in one and "eur_cents" not in one for one in measures)  # euro cents are all of one currency
    assert of_money == ("currency" in compiled(project, Question(metric)).columns)
    assert of_money == (project.metric(metric).unit == definitions.MONEY)


def test_an_unknown_metric_is_answered_with_the_nearest(project) -> None:
    with pytest.raises(UnknownName, match="no metric 'revenu'; did you mean 'revenue'"):
        compiled(project, Question("revenu"))
    with pytest.raises(UnknownName, match="no metric 'xyz'\n  what to do: `shoplake metrics list`"):
        compiled(project, Question("xyz"))


@pytest.mark.parametrize(
    "question", [Question("conversion", ["country"]), Question("conversion", where="country = 'DE'")]
)
def test_an_unknown_dimension_is_answered_with_those_of_the_metric(project, question: Question) -> None:
    expected = "conversion has no dimension 'country'\n.*day, week, month, quarter, year, campaign, device, referrer$"
    with pytest.raises(UnknownName, match=expected):
        compiled(project, question)


def test_a_span_that_ends_before_it_begins_is_refused(project) -> None:
    with pytest.raises(UsageError, match="the last day 2026-08-31 is before the first day 2026-09-01"):
        compiled(project, Question("orders", since=SEP_1, until=AUG_31))


@pytest.mark.parametrize(
    "where",
    ["country =", "1), (2", "country in (select 1)", "true) from gold.fct_orders where (true", "*", "true); select (1",
     "row_number() over () = 1"],
)  # fmt: skip
def test_what_is_not_one_condition_is_refused(project, where: str) -> None:
    with pytest.raises(QueryRefused, match=r"country = 'DE'"):
        compiled(project, Question("orders", where=where))


def filtered(project: Definitions, metric: str, *filters: str) -> Definitions:
    return Definitions(project.models, project.files, {metric: {**project.metrics[metric], "filter": list(filters)}})


def test_filters_of_a_metric_name_columns_of_its_table_and_of_joined_ones(gold, project) -> None:
    known = filtered(
        project,
        "revenue_captured",
        "{{ Dimension('payment_key__currency') }} = 'XXX' or {{ Dimension('session_key__device') }} = 'none'",
        "{{ Dimension('order_key__currency') }} is not null",  # not the currency of the payment
        "{{ TimeDimension('payment_key__captured_on', 'day') }} >= '2026-09-01'",
    )
    assert asked(gold, known, "revenue_captured") == [("GBP", 500)]


@pytest.mark.parametrize(
    "text",
    [
        "{{ Entity('order_key') }} is not null",
        "{{ Dimension('customer__country') }} = 'DE'",
        "{{ TimeDimension('session_key__started_on', 'day') }} is not null",
    ],
)
def test_a_metric_with_a_filter_that_names_nothing_is_refused(project, text: str) -> None:
    changed = filtered(project, "orders", text)
    with pytest.raises(WarehouseError, match="the filter of the metric orders cannot be compiled"):
        compiled(changed, Question("orders"))
