"""Orders over time: hour by hour, and over the hours of a week."""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt

import shopsim
from shoplake.report.charts import FAINT, FIRST, SECOND, Spec, category, chart, moment, names, number, said, shade
from shoplake.report.panel import Panel

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_H = 7 * 24
SHOWN_H = 4 * WEEK_H
MOST_OCCASIONS = 12
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Orders:
    """Counts orders per hour: one number for each hour of the simulated time."""

    def __init__(self, scenario: shopsim.Scenario) -> None:
        self._scenario, self._start_ms = scenario, scenario.start_ms
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
        note = "The bars are campaigns and flash sales. " if "vconcat" in charts[0] else ""
        note += f"All times are UTC. Below: orders per hour in the average week; the fullest cell has {week.max():.1f}."
        return Panel(title, note, tuple(charts), wide=True)

    def _hourly(self) -> Spec:
        shown = self._hours[:SHOWN_H]
        rows = [{"at": self._start_ms + hour * HOUR_MS, "orders": int(n)} for hour, n in enumerate(shown)]
        days = -(-len(shown) // 24)
        encoding = {"x": moment("at", f"the first {days} days"), "y": number("orders", "orders per hour")}
        line = {"color": FIRST, "aria": False}
        area = {"mark": {"type": "area", "line": line, "opacity": 0.25, "aria": False}, "encoding": encoding}
        hourly = chart(rows, area, width=1060, height=180)
        occasions = self._occasions(self._start_ms + len(shown) * HOUR_MS)
        return {"vconcat": [hourly, occasions], "spacing": 2} if occasions else hourly

    def _occasions(self, until_ms: int) -> Spec | None:
        """The campaigns and flash sales of the time that is drawn, a bar each, the first `MOST_OCCASIONS`."""
        days = [(c.name, _midnight_ms(c.first), _midnight_ms(c.last) + DAY_MS) for c in self._scenario.campaigns]
        hours = [(sale.name, sale.start_ms, sale.end_ms) for sale in self._scenario.flash_sales]
        rows = [
            {"name": name, "from": max(first, self._start_ms), "to": min(last, until_ms)}
            for name, first, last in sorted(days + hours, key=lambda occasion: occasion[1])
            if first < until_ms and last > self._start_ms
        ][:MOST_OCCASIONS]
        if not rows:
            return None
        time = moment("from", None)
        time["scale"]["domain"] = [self._start_ms, until_ms]
        time["axis"] = None
        place = {"x": time, "x2": {"field": "to"}, "y": names("name", [f"{row['name']}" for row in rows])}
        # An hour of four weeks would hardly be seen without its edge.
        mark = {"type": "rect", "color": SECOND, "stroke": SECOND, "strokeWidth": 1, "height": {"band": 0.5}}
        return chart(rows, {"mark": mark, "encoding": place | said("datum.name")}, width=1060, height=15 * len(rows))

    def _daily(self) -> Spec:
        days = self._hours[: len(self._hours) // 24 * 24].reshape(-1, 24).sum(axis=1)
        rows = [{"at": self._start_ms + day * DAY_MS, "orders": int(n)} for day, n in enumerate(days)]
        encoding = {"x": moment("at", f"all {len(days)} days"), "y": number("orders", "orders per day")}
        return chart(rows, {"mark": {"type": "line", "aria": False}, "encoding": encoding}, width=1060, height=160)

    def _week(self) -> npt.NDArray[np.float64]:
        """Mean orders of each hour of the week, shape [7, 24], Monday first; of whole days."""
        days = self._hours[: len(self._hours) // 24 * 24].reshape(-1, 24)
        # 1970-01-01 was a Thursday: day 3 of a week that starts on Monday.
        weekday = (self._start_ms // (DAY_MS) + 3 + np.arange(len(days))) % 7
        return np.array([days[weekday == n].mean(axis=0) if (weekday == n).any() else np.zeros(24) for n in range(7)])


def _midnight_ms(day: dt.date) -> int:
    return int(dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC).timestamp()) * 1000


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
