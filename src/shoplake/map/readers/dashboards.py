"""Dashboards: the YAML files of `warehouse/dashboards`, each with panels that show metrics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from shoplake.map import yaml_files
from shoplake.map.graph import Dataset, Edge, Field
from shoplake.map.readers import Part
from shoplake.map.readers.metrics import VALUE
from shopsim.scenario.section_types import Section
from shopsim.scenario.type_checks import nearest
from shopsim.scenario.yaml_positions import Document

Chart: TypeAlias = Literal["number", "line", "bar", "heatmap", "table"]
"""How a panel is drawn. The first of `by` is the axis of time or of the bars, the second the colour or the rows."""


class Panel(Section, frozen=True, kw_only=True):
    """One metric, as a dashboard shows it.

    Attributes:
        name: unique in the dashboard; the anchor in the page.
        by: dimensions of the metric to group by.
        where: a condition in SQL over dimensions of the metric.
    """

    name: str
    title: str
    metric: str
    chart: Chart
    by: tuple[str, ...] = ()
    where: str = ""
    description: str = ""


class Dashboard(Section, frozen=True, kw_only=True):
    """A dashboard, as its file has it."""

    title: str
    description: str
    owner: str
    tags: tuple[str, ...] = ()
    panels: tuple[Panel, ...]


def files(root: Path) -> Mapping[str, tuple[Dashboard, Document]]:
    """The dashboards of a dbt project by name, each with its file for errors at a key.

    Raises:
        MapError: a file is not valid.
    """
    return {path.stem: yaml_files.load(path, Dashboard) for path in sorted((root / "dashboards").glob("*.yaml"))}


def read(root: Path, metrics: frozenset[str]) -> Part:
    """All dashboards, with a column for each panel.

    Raises:
        MapError: a file is not valid, shows a metric that does not exist, or has two panels of one name.
    """
    return part(files(root), root, metrics)


def part(found: Mapping[str, tuple[Dashboard, Document]], root: Path, metrics: frozenset[str]) -> Part:
    """The part of the map of files that were read.

    Raises:
        MapError: one shows a metric that does not exist, or has two panels of one name.
    """
    datasets, edges = [], []
    for name, (content, document) in found.items():
        fields = tuple(Field(one.name, "panel", one.description or one.title) for one in content.panels)
        datasets.append(
            Dataset(
                "dashboards",
                name,
                "dashboard",
                content.description,
                content.owner,
                content.tags,
                fields,
                source=f"{root.name}/dashboards/{name}.yaml",
            )
        )
        for number, panel in enumerate(content.panels):
            if panel.metric not in metrics:
                near = nearest(panel.metric, metrics)
                raise yaml_files.refusal(document, f"panels[{number}].metric", "a metric", f"`{panel.metric}`", near)
            if panel.name in [one.name for one in content.panels[:number]]:
                expected = "a name that no panel before it has"
                raise yaml_files.refusal(document, f"panels[{number}].name", expected, f"`{panel.name}`")
            target = f"dashboards.{name}.{panel.name}"
            edges.append(Edge(f"metrics.{panel.metric}.{VALUE}", target))
            edges += [Edge(f"metrics.{panel.metric}.{one}", target, condition=True) for one in panel.by]
    return Part(datasets, edges)
