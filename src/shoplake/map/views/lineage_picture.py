"""Lineage as an SVG picture: datasets as boxes with their columns, sources on the left, curves between the columns."""

from __future__ import annotations

from html import escape

from shoplake.map.graph import SYSTEMS, Edge
from shoplake.map.views.lineage import Lineage

ROW, HEAD, GAP, COLUMN_GAP, MARGIN = 18, 24, 16, 70, 12
"""Pixels: height of a column and of a heading, space between boxes and between layers, margin of the picture."""
_CHARACTER = 7.0
_STYLE = (
    "text{font:12px sans-serif;fill:#24292f}.head{font-weight:600}.box{fill:#f6f8fa;stroke:#8c959f}"
    ".asked{stroke:#0969da;stroke-width:2.5}.edge{fill:none;stroke:#57606a}.condition{stroke-dasharray:4 3}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.box{fill:#161b22;stroke:#6e7681}.edge{stroke:#8b949e}}"
)


def svg(lineage: Lineage) -> str:
    """One SVG document. A dataset is right of everything that it comes from."""
    edges = list(dict.fromkeys(edge for direction in lineage.directions for edge in lineage.edges(direction)))
    boxes: dict[str, list[str]] = {lineage.dataset_of(lineage.name): []}
    for name in (lineage.name, *(end for edge in edges for end in (edge.source, edge.target))):
        rows = boxes.setdefault(lineage.dataset_of(name), [])
        if name not in rows and name not in lineage.graph.datasets:
            rows.append(name)
    layers = _layers(list(boxes), edges, lineage)
    places: dict[str, tuple[float, float, float]] = {}
    drawn: list[str] = []
    left, height = float(MARGIN), 0.0
    for layer in layers:
        width = max(_width(name, boxes[name]) for name in layer)
        top = float(MARGIN)
        for name in layer:
            tall = HEAD + ROW * len(boxes[name])
            mark = " asked" if name == lineage.dataset_of(lineage.name) else ""
            drawn.append(f'<rect class="box{mark}" x="{left}" y="{top}" width="{width}" height="{tall}" rx="4"/>')
            drawn.append(f'<text class="head" x="{left + 8}" y="{top + 16}">{escape(name)}</text>')
            places[name] = (left, left + width, top + HEAD / 2)
            for number, column in enumerate(boxes[name]):
                middle = top + HEAD + ROW * (number + 0.5)
                places[column] = (left, left + width, middle)
                text = escape(column.removeprefix(f"{name}."))
                drawn.append(f'<text x="{left + 16}" y="{middle + 4}">{text}</text>')
            top += tall + GAP
        left += width + COLUMN_GAP
        height = max(height, top)
    curves = [_curve(edge, places) for edge in edges]
    width_text, height_text = f"{left - COLUMN_GAP + MARGIN:.0f}", f"{height - GAP + MARGIN:.0f}"
    size = f'viewBox="0 0 {width_text} {height_text}" width="{width_text}" height="{height_text}"'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"'
    label = f'aria-label="lineage of {escape(lineage.name)}">'
    return "\n".join([f"{opening} {label}", f"<style>{_STYLE}</style>", *curves, *drawn, "</svg>"])


def _layers(names: list[str], edges: list[Edge], lineage: Lineage) -> list[list[str]]:
    """The datasets by their longest way from a source."""
    pairs = {(lineage.dataset_of(edge.source), lineage.dataset_of(edge.target)) for edge in edges}
    layer = dict.fromkeys(names, 0)
    for _ in names:  # as many rounds as the longest way can have steps; a circle ends with them
        moved = False
        for source, target in pairs:
            if source != target and layer[target] <= layer[source] < len(names):
                layer[target] = layer[source] + 1
                moved = True
        if not moved:
            break
    order = sorted(names, key=lambda name: (layer[name], SYSTEMS.index(name.partition(".")[0]), name))
    return [[name for name in order if layer[name] == number] for number in sorted(set(layer.values()))]


def _width(name: str, columns: list[str]) -> float:
    longest = max([len(name), *(len(column) - len(name) + 1 for column in columns)])
    return longest * _CHARACTER + 24


def _curve(edge: Edge, places: dict[str, tuple[float, float, float]]) -> str:
    _, start, y1 = places[edge.source]
    end, _, y2 = places[edge.target]
    middle = (start + end) / 2
    kind = "edge condition" if edge.condition else "edge"
    return f'<path class="{kind}" d="M{start} {y1} C{middle} {y1} {middle} {y2} {end} {y2}"/>'
