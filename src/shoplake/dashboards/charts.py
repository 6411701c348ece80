"""The charts of panels, as Vega-Lite specifications in the style of the simulator's report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from shoplake.dashboards import values
from shoplake.dashboards.figures import CURRENCY, Figure
from shoplake.report.charts import FIRST, Spec, category, chart, moment, names, number, said, shade
from shoplake.warehouse.metrics import dimensions

COLOURS = (FIRST, "var(--second)", "var(--third)", "var(--fourth)", "var(--fifth)", "var(--sixth)")
"""Colours that the page defines, for light and for dark."""
MOST_BARS = 20
BAR_PX, ROW_PX = 22, 26
WIDE_PX, LOW_PX = 1060, 200
LEGEND_COLUMNS = 4


def spec(figure: Figure) -> Spec | None:
    """The chart of a panel. None: it is a number or a table, or there is nothing to draw."""
    make = {"line": _line, "bar": _bars, "heatmap": _heatmap}.get(figure.panel.chart)
    return make(figure) if make and figure.rows else None


def series(figure: Figure) -> list[str]:
    """The values that are told apart by colour, the largest total first; no more than there are colours."""
    index = _coloured(figure)
    if index is None:
        return []
    totals: dict[str, float] = {}
    for row in figure.rows:
        key = values.name(row[index])
        totals[key] = totals.get(key, 0.0) + abs(float(row[-1] or 0))
    return sorted(totals, key=lambda one: (-totals[one], one))[: len(COLOURS)]


def _coloured(figure: Figure) -> int | None:
    """The column that is told apart by colour: the currency of money, else the second dimension."""
    if figure.panel.chart == "heatmap":
        return None
    if CURRENCY in figure.columns and CURRENCY not in figure.panel.by[:1]:
        return figure.columns.index(CURRENCY)
    return 1 if len(figure.panel.by) > 1 else None


def _rows(figure: Figure, at: Callable[[Any], Any] = values.name) -> list[dict[str, Any]]:
    """A row of the chart for each row of the figure, with the text that a pointer shows.

    Args:
        figure: whose rows.
        at: what the chart has in place of the first dimension.
    """
    index, kept = _coloured(figure), series(figure)
    found = []
    for row in figure.rows:
        colour = "" if index is None else values.name(row[index])
        if index is not None and colour not in kept:
            continue
        currency = values.currency_of(figure, row)
        parts = [values.name(one) for one in row[:-1] if values.name(one) != currency]
        text = f"{', '.join(parts)}: {values.shown(figure.metric, row[-1], currency)}"
        drawn = values.drawn(figure.metric, row[-1], currency)
        found.append({"at": at(row[0]), "down": values.name(row[1]), "value": drawn, "colour": colour, "text": text})
    return found


def _colour(figure: Figure) -> Spec:
    shown = series(figure)
    if len(shown) < 2:
        return {}
    return {
        "color": {"field": "colour", "type": "nominal", "sort": shown}
        | {"legend": {"columns": LEGEND_COLUMNS}}
        | {"scale": {"domain": shown, "range": list(COLOURS[: len(shown)])}}
    }


def _line(figure: Figure) -> Spec:
    rows = _rows(figure, _ms)
    place = {"x": moment("at", None), "y": number("value", values.unit(figure.metric))} | _colour(figure)
    line = {"mark": {"type": "line", "aria": False}, "encoding": place}
    points = {"mark": "point", "encoding": place | said("datum.text")}
    return chart(rows, line, points, width=WIDE_PX, height=LOW_PX)


def _bars(figure: Figure) -> Spec:
    rows = _rows(figure)
    totals: dict[str, float] = {}
    for one in rows:
        totals[one["at"]] = totals.get(one["at"], 0.0) + abs(one["value"] or 0)
    by_size = figure.panel.by[0] not in (*dimensions.GRAINS, "month_number")
    order = sorted(totals, key=lambda one: (-totals[one], one)) if by_size else list(totals)
    order = order[:MOST_BARS]
    rows = [one for one in rows if one["at"] in order]
    colour = _colour(figure)
    place = {"y": names("at", order), "x": number("value", values.unit(figure.metric))} | colour | said("datum.text")
    beside = {"yOffset": {"field": "colour", "type": "nominal", "sort": series(figure)}} if colour else {}
    bars = len(order) * (len(series(figure)) if colour else 1)
    return chart(rows, {"mark": "bar", "encoding": place | beside}, height=max(2 * BAR_PX, BAR_PX * bars))


def _heatmap(figure: Figure) -> Spec:
    across, down = (list(dict.fromkeys(values.name(row[i]) for row in _sorted(figure, i))) for i in (0, 1))
    rows = _rows(figure)
    most = max((one["value"] or 0 for one in rows), default=0) or 1
    place = {"x": category("at", figure.panel.by[0].replace("_", " "), across), "y": names("down", down)}
    cell = {
        "mark": {"type": "rect", "color": FIRST},
        "encoding": place | {"opacity": shade("value", most)} | said("datum.text"),
    }
    return chart(rows, cell, width=WIDE_PX, height=max(2 * ROW_PX, ROW_PX * len(down)))


def _sorted(figure: Figure, column: int) -> Sequence[tuple[Any, ...]]:
    """The rows in order of a column; None comes last."""
    return sorted(figure.rows, key=lambda row: (row[column] is None, row[column] if row[column] is not None else 0))


def _ms(value: Any) -> int:  # noqa: ANN401 - a date; `asked` has no other on a time axis
    if isinstance(value, date):
        return int(datetime.combine(value, time(), UTC).timestamp()) * 1000
    return int(value)


def not_drawn(figure: Figure) -> int:
    """Values that are only in the table: series that no colour is left for, and bars beyond the most."""
    if figure.panel.chart not in ("line", "bar"):
        return 0
    index = _coloured(figure)
    every = {values.name(row[index]) for row in figure.rows} if index is not None else set()
    bars = len({values.name(row[0]) for row in figure.rows}) if figure.panel.chart == "bar" else 0
    return max(0, len(every) - len(COLOURS)) + max(0, bars - MOST_BARS)
