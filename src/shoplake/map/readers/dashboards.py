"""Dashboards: the YAML files of `warehouse/dashboards`, each with the metrics that its panels show."""

from __future__ import annotations

from pathlib import Path

from shoplake.map import yaml_files
from shoplake.map.graph import Dataset, Edge, Field
from shoplake.map.readers import Part
from shoplake.map.readers.metrics import VALUE
from shopsim.scenario.section_types import Section
from shopsim.scenario.type_checks import nearest


class Panel(Section, frozen=True, kw_only=True):
    """One figure of a dashboard."""

    name: str
    metric: str
    description: str = ""


class Dashboard(Section, frozen=True, kw_only=True):
    """A dashboard, as its file has it."""

    description: str
    owner: str
    tags: tuple[str, ...] = ()
    panels: tuple[Panel, ...]


def read(root: Path, metrics: frozenset[str]) -> Part:
    """All dashboards, with a column for each panel.

    Raises:
        MapError: a file is not valid, or shows a metric that does not exist.
    """
    datasets, edges = [], []
    for path in sorted((root / "dashboards").glob("*.yaml")):
        content, document = yaml_files.load(path, Dashboard)
        fields = tuple(Field(one.name, "panel", one.description) for one in content.panels)
        source = str(path.relative_to(root.parent))
        datasets.append(
            Dataset(
                "dashboards",
                path.stem,
                "dashboard",
                content.description,
                content.owner,
                content.tags,
                fields,
                source=source,
            )
        )
        for number, panel in enumerate(content.panels):
            if panel.metric not in metrics:
                near = nearest(panel.metric, metrics)
                raise yaml_files.refusal(document, f"panels[{number}].metric", "a metric", f"`{panel.metric}`", near)
            edges.append(Edge(f"metrics.{panel.metric}.{VALUE}", f"dashboards.{path.stem}.{panel.name}"))
    return Part(datasets, edges)
