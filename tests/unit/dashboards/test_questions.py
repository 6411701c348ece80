"""Files of dashboards: the shipped ones ask what their metrics can answer, and a mistake has its file and line."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from shoplake.dashboards.figures import Period, asked
from shoplake.errors import MapError, UnknownName, UsageError
from shoplake.warehouse import dbt_project

HEAD = "title: Sales\ndescription: Sales of the shop.\nowner: finance\npanels:\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the dbt project without dashboards."""
    root = tmp_path / "warehouse"
    shutil.copytree(dbt_project.project_folder(), root, ignore=shutil.ignore_patterns("dashboards", "target"))
    (root / "dashboards").mkdir()
    return root


def test_each_shipped_panel_has_a_statement() -> None:
    shipped = asked()
    assert {one.name for one in shipped} >= {"shop-overview", "funnel", "cohorts", "deliveries", "stock"}
    for one in shipped:
        for panel, (metric, statement) in zip(one.dashboard.panels, one.questions, strict=True):
            assert statement.columns == tuple(dict.fromkeys((*panel.by, *metric.always_by, panel.metric)))


def test_a_period_is_in_every_statement() -> None:
    (one,) = asked(["funnel"], Period(date(2026, 6, 1), date(2026, 6, 30)))
    assert all("2026-06-01" in statement.statement for _, statement in one.questions)


@pytest.mark.parametrize(
    ("panel", "said"),
    [
        ("metric: revenu, chart: number", r"sales\.yaml:5:\d+: panels\[0\]\.metric: expected a metric.*`revenue`"),
        ("metric: revenue, chart: line", r"sales\.yaml:5.*expected 1 to 2 dimensions for a chart of the kind `line`"),
        ("metric: orders, chart: number, by: [day]", r"sales\.yaml:5.*panels\[0\]\.by: expected 0 dimensions"),
        ("metric: orders, chart: bar, by: [colour]", r"sales\.yaml:5.*orders has no dimension 'colour'.*country"),
        ("metric: orders, chart: number, where: colour = 1", r"sales\.yaml:5.*where.*no dimension 'colour'"),
        ("metric: orders, chart: number, where: country =", r"sales\.yaml:5.*where: expected a condition"),
        (
            "metric: cohort_customers, chart: bar, by: [month]",
            r"sales\.yaml:5.*expected `month_number`, or a condition",
        ),
        ("metric: revenue, chart: heatmap, by: [day, country]", r"sales\.yaml:5.*expected `currency`, or a condition"),
        ("metric: orders, chart: pie", r"sales\.yaml:5.*chart.*number, line, bar, heatmap, table"),
        ("metric: orders, chart: number, colour: red", r"sales\.yaml:5.*colour"),
        ("metric: orders, chart: line, by: [country]", r"sales\.yaml:5.*expected a grain of time first"),
    ],
)
def test_a_mistake_is_named_with_its_line(project: Path, panel: str, said: str) -> None:
    (project / "dashboards" / "sales.yaml").write_text(f"{HEAD}  - {{ name: one, title: One, {panel} }}\n")
    with pytest.raises(MapError, match=said):
        asked(root=project)


def test_two_panels_may_not_have_one_name(project: Path) -> None:
    panel = "  - { name: one, title: One, metric: orders, chart: number }\n"
    (project / "dashboards" / "sales.yaml").write_text(HEAD + panel + panel)
    with pytest.raises(MapError, match=r"sales\.yaml:6.*expected a name that no panel before it has"):
        asked(root=project)


def test_unknown_names_and_periods_are_refused() -> None:
    with pytest.raises(UnknownName, match="no dashboard 'sales'") as refused:
        asked(["sales"])
    assert "shop-overview" in str(refused.value.fix)
    with pytest.raises(UsageError, match="before the first"):
        asked(period=Period(date(2026, 6, 2), date(2026, 6, 1)))
