"""How far sessions get on the way to an order."""

from __future__ import annotations

import polars as pl

import shopsim
from shoplake.report.charts import FIRST, chart, names, number, said
from shoplake.report.panel import Panel, percent

STEPS = {
    "session_started": "came",
    "product_viewed": "looked at a product",
    "cart_item_added": "filled a cart",
    "checkout_started": "went to the till",
    "checkout_completed": "ordered",
}


class Funnel:
    """Counts sessions per step. A session lasts hours, so only the window before can have seen it already."""

    def __init__(self) -> None:
        self._sessions = dict.fromkeys(STEPS, 0)
        self._before = {step: pl.Series([], dtype=pl.String) for step in STEPS}

    def add(self, window: shopsim.Window) -> None:
        """Count a window."""
        for step in STEPS:
            reached = window[step]["session_id"].unique()
            again = reached.is_in(self._before[step].implode()).sum() if reached.len() else 0
            self._sessions[step] += reached.len() - int(again)
            self._before[step] = reached

    def panel(self) -> Panel:
        """A bar per step."""
        came, ordered = self._sessions["session_started"], self._sessions["checkout_completed"]
        if not came:
            return Panel("Nobody came", "")
        before = dict(zip(STEPS, ["session_started", *STEPS], strict=False))
        rows = [
            {"step": words, "sessions": n, "label": _label(n, came, self._sessions[before[step]])}
            for step, words in STEPS.items()
            for n in (self._sessions[step],)
        ]
        place = {"y": names("step", list(STEPS.values()))}
        bars = {
            "mark": {"type": "bar", "opacity": 0.55, "color": FIRST, "height": 24},
            "encoding": {
                **place,
                "x": number("sessions", "sessions"),
                **said("datum.step + ': ' + datum.label"),
            },
        }
        labels = {
            "mark": {"type": "text", "align": "left", "dx": 6, "aria": False},
            "encoding": {**place, "x": {"value": 0}, "text": {"field": "label"}},
        }
        title = f"Of 100 sessions, {100 * ordered / came:.1f} end in an order"
        note = "Sessions that reached each step; a visitor who is not logged in may go to the till and not order."
        return Panel(title, note, (chart(rows, bars, labels, width=370, height=300),))


def _label(sessions: int, came: int, before: int) -> str:
    if sessions == came:
        return f"{sessions:,}"
    return f"{sessions:,} · {percent(sessions, came)} of all · {percent(sessions, before)} of those before"
