"""What a change of a column would touch: every column downstream, with who owns it and which job brings it there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shoplake.map import names
from shoplake.map.graph import Dataset, Graph, Reference


@dataclass(frozen=True, slots=True)
class Touched:
    """A column downstream of the changed one.

    Attributes:
        condition: whether the changed column only decides which rows count, on every way to this one.
        jobs: full names of the jobs on the last step to it.
    """

    dataset: Dataset
    column: str
    condition: bool
    jobs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """All that a change of a column would touch, in the order in which data flows."""

    changed: Reference
    touched: Sequence[Touched]

    @property
    def owners(self) -> list[str]:
        """Owners of the touched columns, sorted."""
        return sorted({one.dataset.owner for one in self.touched})


def of(graph: Graph, column: Reference) -> Impact:
    """The impact of a change of a column."""
    name = str(column)
    by_value = set(graph.reached_by_value(name, "down"))
    jobs: dict[str, dict[str, None]] = {}
    for edge in graph.walk(name, "down"):
        jobs.setdefault(edge.target, {})
        if edge.job:
            jobs[edge.target][edge.job] = None
    found = [
        Touched(dataset, part.name, dataset.column(part.name) not in by_value, tuple(jobs[dataset.column(part.name)]))
        for dataset in graph.datasets.values()
        for part in dataset.fields
        if dataset.column(part.name) in jobs and dataset.column(part.name) != name
    ]
    return Impact(column, found)


def source_column(graph: Graph, name: str) -> Reference:
    """The column of a name. Of several, the one that all others come from: a change there touches them all.

    Raises:
        UnknownName: there is none, or of several none is the source of the others.
    """
    found = [one for one in names.candidates(graph, name) if one.column]
    for one in found if len(found) > 1 else ():
        downstream = set(graph.reached(str(one), "down"))
        if all(str(other) in downstream for other in found if other != one):
            return one
    return names.column(graph, name)


def short(graph: Graph, column: str, limit: int = 4) -> str:
    """One line for a message: `used by: gold.fct_orders.total_cents, ... and 3 more`; empty if nothing uses it.

    Args:
        graph: the map.
        column: full name of a column; one that is not on the map is used by nothing.
        limit: how many columns to name.
    """
    used = graph.reached(column, "down")
    if not used:
        return ""
    more = f" and {len(used) - limit} more" if len(used) > limit else ""
    return f"used by: {', '.join(used[:limit])}{more}"
