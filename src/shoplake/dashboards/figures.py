"""The figures of dashboards: one question about a metric per panel, all answered from one state of the gold tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoplake.errors import QueryRefused, ShoplakeError, UnknownName
from shoplake.known_names import require_known
from shoplake.map import yaml_files
from shoplake.map.readers import dashboards as declared
from shoplake.map.readers.dashboards import Dashboard, Panel
from shoplake.positions import Positions
from shoplake.query.result import Limits
from shoplake.warehouse import dbt_project
from shoplake.warehouse.metrics import definitions, dimensions, query
from shoplake.warehouse.metrics.sql import Compiled, Question, compiled

if TYPE_CHECKING:
    from shoplake.settings import Settings
    from shoplake.warehouse.metrics.definitions import Definitions, Metric
    from shopsim.scenario.yaml_positions import Document

LIMITS = Limits(rows=5_000, timeout_s=60)
"""Of one panel. A panel with more rows says so."""
CURRENCY = "currency"
"""Dimension of all money. A chart tells it apart without being asked; the cell of a heatmap has room for one only."""
DIMENSIONS = {"number": (0, 0), "line": (1, 2), "bar": (1, 2), "heatmap": (2, 2), "table": (0, 6)}
"""Chart -> how many dimensions `by` may have, at least and at most."""


@dataclass(frozen=True, slots=True)
class Period:
    """First and last day that count, UTC; None is no limit."""

    since: date | None = None
    until: date | None = None


ALL_DAYS = Period()


@dataclass(frozen=True, slots=True)
class Figure:
    """The answer to the question of a panel.

    Attributes:
        columns: the dimensions, and last the metric.
        rows: in order of the dimensions. A dimension may be None.
        truncated: whether there are more rows than the limit.
    """

    panel: Panel
    metric: Metric
    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Filled:
    """A dashboard with its figures, in the order of the panels."""

    name: str
    dashboard: Dashboard
    figures: Sequence[Figure]


@dataclass(frozen=True, slots=True)
class Boards:
    """Dashboards that were computed together, and the positions in the log of the gold tables."""

    filled: Sequence[Filled]
    positions: Positions
    period: Period = field(default_factory=Period)


@dataclass(frozen=True, slots=True)
class Asked:
    """A dashboard with the metric and the statement of each panel."""

    name: str
    dashboard: Dashboard
    questions: Sequence[tuple[Metric, Compiled]]


def asked(names: Sequence[str] = (), period: Period = ALL_DAYS, root: Path | None = None) -> list[Asked]:
    """Read and check dashboards. No server is asked.

    Args:
        names: of the dashboards; all if empty.
        period: for the questions.
        root: folder of the dbt project; that of the checkout if None.

    Raises:
        MapError: a file is not valid, or a panel asks what its metric cannot answer; with file and line.
        UnknownName: there is no such dashboard.
        UsageError: the last day is before the first.
    """
    root = root or dbt_project.project_folder()
    files = declared.files(root)
    for name in names:
        require_known("dashboard", name, files)
    known = definitions.of_project() if root == dbt_project.project_folder() else definitions.load(root / "models")
    declared.part(files, root, frozenset(known.metrics))
    return [
        Asked(name, dashboard, _questions(dashboard, document, known, period))
        for name, (dashboard, document) in files.items()
        if not names or name in names
    ]


def computed(
    settings: Settings, wanted: Sequence[Asked], period: Period = ALL_DAYS, progress: Callable[[str], None] = print
) -> Boards:
    """Compute the figures of dashboards.

    Raises:
        WarehouseError: no warehouse was built, or its tables are of different builds.
        StoreUnavailable: the lake does not answer, or a panel takes longer than the limit.
        QueryRefused: a condition of a panel cannot be evaluated. The message has the dashboard and the panel.
    """
    statements = [statement for one in wanted for _, statement in one.questions]
    answers = query.answers(settings, statements, LIMITS)
    filled, positions = [], Positions()
    for one in wanted:
        figures = []
        for panel, (metric, _) in zip(one.dashboard.panels, one.questions, strict=True):
            try:
                answer = next(answers)
            except ShoplakeError as error:
                raise type(error)(f"{one.name}, panel {panel.name}: {error.message}", fix=error.fix) from error
            positions = answer.positions
            figures.append(Figure(panel, metric, answer.result.columns, answer.result.rows, answer.truncated))
        progress(f"{one.name}: {len(figures)} panels")
        filled.append(Filled(one.name, one.dashboard, figures))
    return Boards(filled, positions, period)


def _questions(
    dashboard: Dashboard, document: Document, known: Definitions, period: Period
) -> list[tuple[Metric, Compiled]]:
    found = []
    for number, panel in enumerate(dashboard.panels):
        least, most = DIMENSIONS[panel.chart]
        if not least <= len(panel.by) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            expected = f"{wanted} dimensions for a chart of the kind `{panel.chart}`"
            raise yaml_files.refusal(document, f"panels[{number}].by", expected, f"{len(panel.by)}")
        if panel.chart == "line" and panel.by[0] not in dimensions.GRAINS:
            raise yaml_files.refusal(document, f"panels[{number}].by", "a grain of time first", f"`{panel.by[0]}`")
        question = Question(panel.metric, panel.by, period.since, period.until, panel.where)
        metric = known.metric(panel.metric)
        apart = () if panel.chart == "heatmap" else (CURRENCY,)
        overlaid = [name for name in metric.always_by if name not in (*panel.by, *apart) and name not in panel.where]
        if overlaid and panel.chart != "table":
            expected = f"`{overlaid[0]}`, or a condition on it, because {metric.name} is always by it"
            raise yaml_files.refusal(document, f"panels[{number}].by", expected, ", ".join(panel.by) or "nothing")
        try:
            found.append((metric, compiled(known, question)))
        except UnknownName as error:
            key = f"panels[{number}].{'by' if panel.by else 'where'}"
            raise yaml_files.refusal(
                document, key, "dimensions of the metric", f"{error.message}: {error.fix}"
            ) from error
        except QueryRefused as error:
            expected = "a condition over dimensions of the metric"
            raise yaml_files.refusal(document, f"panels[{number}].where", expected, error.message) from error
    return found
