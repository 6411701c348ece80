"""Lineage of a dataset or column as a tree of text, as JSON, and as a diagram in Mermaid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shoplake.map.graph import Direction, Edge, Graph

ARROWS: dict[Direction, str] = {"up": "comes from", "down": "goes to"}


@dataclass(frozen=True, slots=True)
class Lineage:
    """The upstream and downstream of one dataset or column.

    Attributes:
        name: its full name.
        directions: which of the two are shown.
        depth: how many steps are shown at most; None is all.
    """

    graph: Graph
    name: str
    directions: Sequence[Direction]
    depth: int | None = None

    def edges(self, direction: Direction) -> list[Edge]:
        """The edges in a direction, the nearest first."""
        far = {self.name: 0}
        found = []
        for edge in self.graph.walk(self.name, direction):
            near, end = (edge.target, edge.source) if direction == "up" else (edge.source, edge.target)
            if self.depth is None or far[near] < self.depth:
                found.append(edge)
            far.setdefault(end, far[near] + 1)
        return found

    def tree(self) -> Iterator[str]:
        """Lines of text. Each dataset or column is followed once."""
        yield self.name
        for direction in self.directions:
            yield f"{ARROWS[direction]}:"
            lines = list(self._branch(self.name, direction, "", {self.name}, 0))
            yield from lines or ["  nothing"]

    def as_json(self) -> dict[str, Any]:
        """The edges of each direction."""
        return {
            "name": self.name,
            **{
                direction: [
                    {"source": one.source, "target": one.target, "job": one.job or None, "condition": one.condition}
                    for one in self.edges(direction)
                ]
                for direction in self.directions
            },
        }

    def mermaid(self) -> Iterator[str]:
        """A flowchart from left to right, with a box around each dataset whose columns are in it."""
        edges = list(dict.fromkeys(edge for direction in self.directions for edge in self.edges(direction)))
        names = list(dict.fromkeys([self.name, *(end for edge in edges for end in (edge.source, edge.target))]))
        number = {name: f"n{place}" for place, name in enumerate(names)}
        yield "flowchart LR"
        inside: dict[str, list[str]] = {}
        for name in names:
            dataset = self.dataset_of(name)
            if dataset == name:
                yield f'  {number[name]}["{name}"]'
            else:
                inside.setdefault(dataset, []).append(name)
        for place, (dataset, columns) in enumerate(inside.items()):
            yield f'  subgraph d{place}["{dataset}"]'
            for name in columns:
                column = name.removeprefix(f"{dataset}.")
                yield f'    {number[name]}["{column}"]'
            yield "  end"
        for edge in edges:
            arrow = "-.->" if edge.condition else "-->"
            yield f"  {number[edge.source]} {arrow} {number[edge.target]}"
        yield f"  style {number[self.name]} stroke-width:3px"

    def dataset_of(self, name: str) -> str:
        """The full name of the dataset that a column belongs to; a dataset is its own."""
        if name in self.graph.datasets:
            return name
        system, dataset, _ = name.split(".", 2)
        return f"{system}.{dataset}"

    def _branch(self, name: str, direction: Direction, indent: str, seen: set[str], depth: int) -> Iterator[str]:
        if depth == self.depth:
            return
        edges = self.graph.edges(name, direction)
        for number, edge in enumerate(edges):
            end = edge.source if direction == "up" else edge.target
            last = number == len(edges) - 1
            notes = [note for note in (edge.job, "condition" if edge.condition else "") if note]
            again = end in seen and bool(self.graph.edges(end, direction))
            note = f"  [{', '.join(notes)}]" if notes else ""
            yield f"{indent}{'└─' if last else '├─'} {end}{note}{' (shown above)' if again else ''}"
            if end not in seen:
                seen.add(end)
                yield from self._branch(end, direction, indent + ("   " if last else "│  "), seen, depth + 1)
