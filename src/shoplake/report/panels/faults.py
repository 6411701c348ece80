"""Which share of the events is broken on purpose."""

from __future__ import annotations

from collections import Counter

import polars as pl

import shopsim
from shoplake.contract import TOPICS, type_name
from shoplake.report.charts import INK, chart, names, number, said
from shoplake.report.panel import Panel
from shopsim import faults

KINDS = (faults.MALFORMED, faults.SCHEMA)
UNIT = "events broken, of 1,000 of the topic"
_TOPIC_OF = {type_name(event): topic.name for topic in TOPICS.values() for event in topic.events}


class Faults:
    """Counts events and faults per topic."""

    def __init__(self, scenario: shopsim.Scenario, seed: int) -> None:
        self._settings, self._seed = scenario.faults, seed
        self._events: Counter[str] = Counter()
        self._asked: Counter[tuple[str, str]] = Counter()
        self._hit: Counter[tuple[str, str]] = Counter()

    def add(self, window: shopsim.Window) -> None:
        """Count a window."""
        for name, frame in window.frames.items():
            topic = _TOPIC_OF[name]
            self._events[topic] += frame.height
            if name not in self._settings.events:
                continue
            for kind in KINDS:
                self._asked[topic, kind] += frame.height * getattr(self._settings, kind)
            rows = frame.select("lane", "seq", pl.lit(name).alias("type"))
            for kind, n in (
                faults.chosen(self._settings, self._seed, window.index, rows).drop_nulls().value_counts().rows()
            ):
                self._hit[topic, kind] += n

    def panel(self) -> Panel:
        """A bar per topic and kind, with a mark where the scenario would have it."""
        rows = [
            {
                "what": f"{topic}: {kind}",
                "hit": 1000 * self._hit[topic, kind] / self._events[topic],
                "asked": 1000 * asked / self._events[topic],
                "events": self._hit[topic, kind],
            }
            for (topic, kind), asked in self._asked.items()
            if asked
        ]
        if not rows:
            return Panel("No event is broken", "The scenario asks for no faults.")
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
        total, hit = self._events.total(), self._hit.total()
        return Panel(
            f"{1000 * hit / total:.2g} of 1,000 events are broken on purpose",
            "The upright lines are what the scenario asks for.",
            (chart(rows, bars, ticks, width=380, height=max(70, 34 * len(rows))),),
        )
