"""Charts as Vega-Lite specifications, rendered to SVG with the colours of the page's theme."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from shoplake.errors import MissingExtra

Spec = dict[str, Any]
"""A Vega-Lite specification, or a part of one."""

INK, FAINT, GRID, FIRST, SECOND = "var(--ink)", "var(--faint)", "var(--grid)", "var(--first)", "var(--second)"
"""Colours that the page defines, for light and for dark."""

_FONT = "system-ui, sans-serif"
_WIDE_LETTER = 7
_CONFIG: Spec = {
    "font": _FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": FAINT,
        "titleColor": INK,
        "gridColor": GRID,
        "domainColor": GRID,
        "tickColor": GRID,
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
    },
    "legend": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 12,
        "labelLimit": 0,
        "columnPadding": 24,
        "orient": "top",
        "title": None,
    },
    "text": {"color": INK, "fontSize": 12},
    "bar": {"color": FIRST},
    "line": {"color": FIRST, "strokeWidth": 1.5},
    "area": {"color": FIRST},
    "point": {"color": FIRST, "filled": True, "size": 18},
}
_MARK = re.compile(r'<(path|text|circle)\b([^>]*) aria-label="([^"]*)"([^>]*?)/>')


def chart(rows: Sequence[Mapping[str, Any]], *layers: Spec, width: int = 500, height: int = 220) -> Spec:
    """Marks over rows; a layer has `mark` and `encoding`, and may have rows of its own."""
    size = {"width": width, "height": height}
    return {**size, "data": {"values": list(rows)}, "layer": list(layers)}


def number(name: str, title: str | None, **more: Any) -> Spec:  # noqa: ANN401 - whatever Vega-Lite knows
    """A column of numbers on an axis that says what they are, in which unit."""
    axis = {"title": title, "tickCount": 6, **more.pop("axis", {})}
    return {"field": name, "type": "quantitative", "axis": axis, **more}


def magnitude(name: str, title: str) -> Spec:
    """A column of numbers on a logarithmic axis with a tick at each power of ten."""
    axis = {"title": f"{title} (logarithmic)", "values": [10**power for power in range(13)], "format": "~s"}
    return {"field": name, "type": "quantitative", "axis": axis, "scale": {"type": "log", "nice": True}}


def moment(name: str, title: str | None) -> Spec:
    """A column of UTC milliseconds."""
    axis = {"title": title, "format": "%-d %b", "labelOverlap": True, "tickCount": 8}
    return {"field": name, "type": "temporal", "scale": {"type": "utc"}, "axis": axis}


def category(name: str, title: str | None, order: Sequence[Any]) -> Spec:
    """A column of names, or of numbers that are names, in an order."""
    axis = {"title": title, "grid": False, "labelAngle": 0, "labelOverlap": True}
    return {"field": name, "type": "ordinal", "sort": list(order), "axis": axis}


def names(name: str, order: Sequence[str]) -> Spec:
    """A column of names on a vertical axis, with room for the longest."""
    # A reader's font may be wider than the one that the library measures with.
    axis = {"title": None, "grid": False, "labelLimit": 0, "minExtent": max(map(len, order)) * _WIDE_LETTER}
    return {"field": name, "type": "ordinal", "sort": list(order), "axis": axis}


def shade(name: str, most: float) -> Spec:
    """A column of numbers from 0 to `most` as depth of colour: the hue is the theme's, so only opacity is left."""
    scale = {"domain": [0, most], "range": [0.02, 0.85]}
    return {"field": name, "type": "quantitative", "scale": scale, "legend": None}


def said(text: str) -> Spec:
    """Return the tooltip of a mark: a Vega expression over its row, `datum`."""
    return {"description": {"value": {"expr": text}}}


def require_renderer() -> None:
    """Check that the chart library is installed, before the simulation starts.

    Raises:
        MissingExtra: the chart library is not installed.
    """
    try:
        import vl_convert  # noqa: F401
    except ImportError as error:
        raise MissingExtra(
            "drawing charts needs the package vl-convert-python", fix="pip install 'shoplake[report]'"
        ) from error


def svg(spec: Spec, label: str) -> str:
    """Render a chart as an SVG element.

    Raises:
        MissingExtra: the chart library is not installed.
    """
    require_renderer()
    import vl_convert

    whole = {"background": None, "padding": 4, "config": _CONFIG, **spec}
    drawn = str(vl_convert.vegalite_to_svg(whole, vl_version="5.21"))
    drawn = _MARK.sub(r'<\1\2 aria-label="\3"\4><title>\3</title></\1>', drawn)
    # The picture's size is its card's: the view box stays, width and height go.
    head, rest = drawn.split(">", 1)
    head = re.sub(r' (width|height)="[^"]*"', "", head)
    return f'{head} role="img" aria-label="{html.escape(label, quote=True)}">{rest}'
