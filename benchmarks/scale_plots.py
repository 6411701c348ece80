"""The points of `scale.py` as plots for the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shoplake.report import charts

COLOURS = {"--ink": "#6b7280", "--faint": "#8b929c", "--grid": "#d9dde3", "--first": "#3f6fd8", "--second": "#d9722e"}
"""Variables of the report's page; a separate picture needs colours for light and for dark mode."""
LINES = {"publish": "#3f6fd8", "decode": "#d9722e", "postgres": "#2f9e6e", "redis": "#c2406b"}
TITLES = {
    "events": "events in the log",
    "partitions": "partitions per topic",
    "workers": "processes",
    "batches": "most events in a batch",
    "sizes": "bytes of an event",
}


def draw(points: Sequence[dict[str, Any]], folder: Path) -> None:
    """One plot of CPU per series, and one of memory as the log grows."""
    for series, title in TITLES.items():
        some = [point for point in points if point["series"] == series]
        if some:
            _draw(some, title, "cpu_us", "CPU µs per event", folder / f"{series}.svg")
    growing = [point for point in points if point["series"] == "events"]
    if growing:
        _draw(growing, TITLES["events"], "peak_mb", "peak memory of the process, MB", folder / "memory.svg")


def _draw(points: Sequence[dict[str, Any]], title: str, value: str, value_title: str, file: Path) -> None:
    axis = {"title": title, "values": sorted({point["x"] for point in points}), "format": "~s", "grid": False}
    x = {"field": "x", "type": "quantitative", "scale": {"type": "log", "nice": False}, "axis": axis}
    domain = [name for name in LINES if any(point["what"] == name for point in points)]
    scale = {"domain": domain, "range": [LINES[name] for name in domain]}
    layer = {
        "mark": {"type": "line", "point": {"size": 40}, "strokeWidth": 2},
        "encoding": {
            "x": x,
            "y": charts.number(value, value_title, scale={"zero": True}),
            "color": {"field": "what", "type": "nominal", "scale": scale},
        },
    }
    drawn = charts.svg(charts.chart(points, layer, width=560, height=240), f"{value_title} by {title}")
    for name, colour in COLOURS.items():
        drawn = drawn.replace(f"var({name})", colour)
    file.write_text(drawn + "\n", encoding="utf-8")
