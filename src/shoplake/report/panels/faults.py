"""Which events are hit by a fault."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import shopsim
from shoplake.contract import TOPIC_OF, TOPICS
from shoplake.report.charts import FAINT, FIRST, category, chart, names, said, shade
from shoplake.report.panel import Panel, percent
from shopsim.faults.selection import FAULTS, apply_faults, shares


class Faults:
    """Counts events and faults per topic."""

    def __init__(self, scenario: shopsim.Scenario, seed: int) -> None:
        self._settings, self._seed = scenario.faults, seed
        self._shares = {event_type: shares(scenario.faults, event_type) for event_type in TOPIC_OF}
        self._events: Counter[str] = Counter()
        self._asked: dict[tuple[str, str], float] = defaultdict(float)
        self._hit: Counter[tuple[str, str]] = Counter()

    def add(self, window: shopsim.Window) -> None:
        """Count a window."""
        for event_type, frame in window.frames.items():
            topic = TOPIC_OF[event_type].name
            self._events[topic] += frame.height
            for fault, share in self._shares[event_type].items():
                self._asked[topic, fault] += frame.height * share
            if any(self._shares[event_type].values()):
                place = frame.select("occurred_at_ms", "lane", "seq")
                struck = apply_faults(self._settings, self._seed, window.index, event_type, place)
                for fault, n in struck["fault"].drop_nulls().value_counts().rows():
                    self._hit[topic, fault] += n

    def panel(self) -> Panel:
        """A cell per fault and topic."""
        rows: list[dict[str, Any]] = [
            {
                "fault": fault,
                "topic": topic,
                "hit": self._hit[topic, fault] / self._events[topic],
                "asked": self._asked[topic, fault] / self._events[topic],
                "events": self._hit[topic, fault],
            }
            for fault in FAULTS
            for topic in TOPICS
            if self._asked[topic, fault]
        ]
        if not rows:
            return Panel("No event is hit by a fault", "The scenario asks for none.")
        used = {"fault": {row["fault"] for row in rows}, "topic": {row["topic"] for row in rows}}
        place = {
            "y": names("fault", [fault for fault in FAULTS if fault in used["fault"]]),
            "x": category("topic", "share of the events of each topic", [t for t in TOPICS if t in used["topic"]]),
        }
        words = "datum.fault + ' in ' + datum.topic + ': ' + datum.events + ' events, '"
        words += " + format(datum.hit, '.3%') + ' where ' + format(datum.asked, '.3%') + ' is asked for'"
        cells = {
            "mark": {"type": "rect", "color": FIRST, "stroke": FAINT, "strokeWidth": 0.2},
            "encoding": {**place, "opacity": shade("hit", 2 * max(row["hit"] for row in rows)), **said(words)},
        }
        text = {"field": "hit", "type": "quantitative", "format": ".2~p"}
        labels = {"mark": {"type": "text", "aria": False}, "encoding": {**place, "text": text}}
        return Panel(
            f"{percent(self._hit.total(), self._events.total())} of the events are hit by a fault",
            "Pointing at a cell shows what the scenario asks for.",
            (chart(rows, cells, labels, width=400, height=34 * len(used["fault"])),),
        )
