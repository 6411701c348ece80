"""When in a window things happen: hours of the day and days of the week, as an integer table per window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopsim.draws import Draws, Ints, cumulated
from shopsim.scenario import Scenario, Seasons

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MINUTE_MS = 60_000

FAR_MS = 2**60
"""A time that never comes."""

OPENING_MS = HOUR_MS
"""From the start to the first visit: launches, first stock and the first customers' registrations come before."""

QUIET_MS = 3 * HOUR_MS
"""No session lasts longer, and no price or customer status changes in so much of a window's beginning.

So a session that runs on into the next window cannot meet a change that its own window did not know yet.
"""


@dataclass(frozen=True, slots=True)
class Span:
    """The event time of one window.

    Attributes:
        index: number of the window.
        start_ms, end_ms: from (included) and to (excluded).
        opens_ms: when visits may begin; after the start in window 0 only.
        intensity: traffic asked of the window, in average days.
    """

    index: int
    start_ms: int
    end_ms: int
    opens_ms: int
    intensity: float
    _hours: Ints

    @property
    def days(self) -> float:
        """Length in days."""
        return (self.end_ms - self.start_ms) / DAY_MS

    def seasonal(self, draws: Draws, n: int) -> Ints:
        """`n` times between `opens_ms` and the end, by the seasons' traffic."""
        hour = draws.pick(self._hours, n)
        return self.start_ms + hour * HOUR_MS + draws.below(HOUR_MS, n)

    def settled(self, draws: Draws, n: int) -> Ints:
        """`n` times, uniform, after the quiet beginning of the window."""
        # Seconds first: a long window has more milliseconds than `Draws.below` can choose from.
        seconds = (self.end_ms - self.start_ms - QUIET_MS) // 1000
        return self.start_ms + QUIET_MS + draws.below(seconds, n) * 1000 + draws.below(1000, n)


def span(scenario: Scenario, window: int) -> Span:
    """The event time of a window and how its traffic is spread over it."""
    start = scenario.start_ms + window * scenario.window_ms
    opens = start + (OPENING_MS if window == 0 else 0)
    weights = _hourly(scenario.seasons, start, scenario.window_hours)
    if window == 0:
        weights = [0.0] * (OPENING_MS // HOUR_MS) + weights[OPENING_MS // HOUR_MS :]
    average = sum(_hourly(scenario.seasons, 0, 7 * 24)) / 7
    if sum(weights) <= 0:  # a short window in hours that the scenario leaves empty
        return Span(window, start, start + scenario.window_ms, opens, 0.0, np.array([2**30], dtype=np.int64))
    return Span(window, start, start + scenario.window_ms, opens, sum(weights) / average, cumulated(weights))


def _hourly(seasons: Seasons, start_ms: int, hours: int) -> list[float]:
    first = start_ms // HOUR_MS
    # 1970-01-01 was a Thursday: day 3 of a week that starts on Monday.
    return [seasons.hours[h % 24] * seasons.weekdays[(h // 24 + 3) % 7] for h in range(first, first + hours)]
