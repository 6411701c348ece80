"""Which share of the events goes wrong on the way to the log, on purpose."""

from __future__ import annotations

from collections import Counter, defaultdict

import shopsim
from shoplake.report.charts import INK, chart, names, number, said
from shoplake.report.panel import Panel
from shopsim import faults

UNIT = "of 1,000 events"


class Faults:
    """Counts events and faults."""

    def __init__(self, scenario: shopsim.Scenario, seed: int) -> None:
        self._settings, self._seed = scenario.faults, seed
        self._events = 0
        self._asked: defaultdict[str, float] = defaultdict(float)
        self._hit: Counter[str] = Counter()

    def add(self, window: shopsim.Window) -> None:
        """Count a window."""
        for name, frame in window.frames.items():
            self._events += frame.height
            for fault, share in faults.shares(self._settings, name).items():
                self._asked[fault] += frame.height * share
            struck = faults.strike(self._settings, self._seed, window.index, name, frame)
            for fault, n in struck["fault"].drop_nulls().value_counts().rows():
                self._hit[fault] += n

    def panel(self) -> Panel:
        """A bar per fault, with a mark where the scenario would have it."""
        rows = [
            {
                "what": fault.replace("_", " "),
                "hit": 1000 * self._hit[fault] / self._events,
                "asked": 1000 * self._asked[fault] / self._events,
                "events": self._hit[fault],
            }
            for fault in faults.FAULTS
            if self._asked[fault]
        ]
        if not rows:
            return Panel("Nothing goes wrong", "The scenario asks for no faults.")
        order = [f"{row['what']}" for row in rows]
        bars = {
            "mark": {"type": "bar", "height": {"band": 0.6}},
            "encoding": {
                "y": names("what", order),
                "x": number("hit", UNIT),
                **said("datum.what + ': ' + datum.events + ' events'"),
            },
        }
        ticks = {
            "mark": {"type": "tick", "color": INK, "thickness": 2, "aria": False},
            "encoding": {"y": names("what", order), "x": number("asked", UNIT)},
        }
        return Panel(
            f"{1000 * self._hit.total() / self._events:.2g} of 1,000 events go wrong on purpose",
            "The upright lines are what the scenario asks for.",
            (chart(rows, bars, ticks, width=380, height=max(70, 34 * len(rows))),),
        )
