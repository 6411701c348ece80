"""Orders over time: hour by hour, and over the hours of a week."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

import shopsim
from shoplake.report.charts import FAINT, FIRST, Spec, category, chart, moment, number, said, shade
from shoplake.report.panel import Panel

HOUR_MS = 3_600_000
WEEK_H = 7 * 24
SHOWN_H = 4 * WEEK_H
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Orders:
    """Counts orders per hour: one number for each hour of the simulated time."""

    def __init__(self, scenario: shopsim.Scenario) -> None:
        self._start_ms = scenario.start_ms
        self._hours: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    def add(self, window: shopsim.Window) -> None:
        """Count a window."""
        hours = (window.end_ms - self._start_ms) // HOUR_MS
        at = (window["order_placed"]["occurred_at_ms"].to_numpy() - self._start_ms) // HOUR_MS
        self._hours = np.concatenate([self._hours, np.zeros(hours - len(self._hours), dtype=np.int64)])
        self._hours += np.bincount(at, minlength=hours)

    def panel(self) -> Panel:
        """Hour by hour for up to four weeks, the average week, and day by day if there is more."""
        week = self._week()
        day = week.mean(axis=0)
        title = f"Orders come in waves: most at {day.argmax()} h, fewest at {day.argmin()} h, most on {_busiest(week)}"
        charts = [self._hourly(), _average(week)]
        if len(self._hours) > SHOWN_H + WEEK_H:
            charts.append(self._daily())
        note = f"All times are UTC. Below: orders per hour in the average week; the fullest cell has {week.max():.1f}."
        return Panel(title, note, tuple(charts), wide=True)

    def _hourly(self) -> Spec:
        shown = self._hours[:SHOWN_H]
        rows = [{"at": self._start_ms + hour * HOUR_MS, "orders": int(n)} for hour, n in enumerate(shown)]
        days = -(-len(shown) // 24)
        encoding = {"x": moment("at", f"the first {days} days"), "y": number("orders", "orders per hour")}
        line = {"color": FIRST, "aria": False}
        area = {"mark": {"type": "area", "line": line, "opacity": 0.25, "aria": False}, "encoding": encoding}
        return chart(rows, area, width=1060, height=180)

    def _daily(self) -> Spec:
        days = self._hours[: len(self._hours) // 24 * 24].reshape(-1, 24).sum(axis=1)
        rows = [{"at": self._start_ms + day * 24 * HOUR_MS, "orders": int(n)} for day, n in enumerate(days)]
        encoding = {"x": moment("at", f"all {len(days)} days"), "y": number("orders", "orders per day")}
        return chart(rows, {"mark": {"type": "line", "aria": False}, "encoding": encoding}, width=1060, height=160)

    def _week(self) -> npt.NDArray[np.float64]:
        """Mean orders of each hour of the week, shape [7, 24], Monday first; of whole days."""
        days = self._hours[: len(self._hours) // 24 * 24].reshape(-1, 24)
        # 1970-01-01 was a Thursday: day 3 of a week that starts on Monday.
        weekday = (self._start_ms // (24 * HOUR_MS) + 3 + np.arange(len(days))) % 7
        return np.array([days[weekday == n].mean(axis=0) if (weekday == n).any() else np.zeros(24) for n in range(7)])


def _busiest(week: npt.NDArray[np.float64]) -> str:
    names = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
    return names[int(week.sum(axis=1).argmax())]


def _average(week: npt.NDArray[np.float64]) -> Spec:
    rows = [
        {"day": DAYS[day], "hour": hour, "orders": round(float(week[day, hour]), 1)}
        for day in range(7)
        for hour in range(24)
    ]
    cell = {
        "mark": {"type": "rect", "color": FIRST, "stroke": FAINT, "strokeWidth": 0.2},
        "encoding": {
            "x": category("hour", "hour of the day (UTC)", range(24)),
            "y": category("day", None, DAYS),
            "opacity": shade("orders", max(1e-9, float(week.max()))),
            **said("datum.day + ' ' + datum.hour + ' h: ' + datum.orders + ' orders'"),
        },
    }
    return chart(rows, cell, width=1060, height=150)
