"""The plan of windows: a period of event time is simulated in one step and split where many events are expected.

The plan depends only on the scenario, so every worker splits at the same times, whatever lanes it has. The forecast is
rough: it only has to keep windows small enough for memory and for a Kafka transaction.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from shopsim.calendar.scenario_calendar import ScenarioCalendar, locale_weights
from shopsim.calendar.traffic import HOUR_MS, Period
from shopsim.engine.windows import WindowBatch
from shopsim.scenario.sections import Habits, Scenario

EVENTS_PER_WINDOW = 100_000
"""Target number of events per window; a period with fewer expected events is one window."""

_REGISTRATION = 3  # its text is as long as that of three other events
_EVENTS_PER_ORDER = 14
_EVENTS_PER_CART_LINE = 1.3


@dataclass(frozen=True, slots=True)
class PeriodWindows:
    """The windows of one period.

    Attributes:
        period: the event time that is simulated in one step.
        first: number of the first window.
        starts_ms: start of each window, ascending; the first is the start of the period.
    """

    period: Period
    first: int
    starts_ms: list[int]

    @property
    def ends_ms(self) -> list[int]:
        """End of each window (excluded); the last is the end of the period."""
        return [*self.starts_ms[1:], self.period.end_ms]

    def batches(self, first: int, most: int) -> list[WindowBatch]:
        """The windows from number `first` on, in batches of up to `most`."""
        begin = max(0, first - self.first)
        return [
            WindowBatch(self.first + place, self.starts_ms[place], tuple(self.ends_ms[place : place + most]))
            for place in range(begin, len(self.starts_ms), most)
        ]


class WindowPlan:
    """Periods and windows of a scenario, in order. Mutable: it tracks the expected number of customers."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario, self._calendar = scenario, ScenarioCalendar(scenario)
        self._weights = locale_weights(scenario)
        self._active, self._away = float(scenario.customers.initial), 0.0
        self._periods: list[PeriodWindows] = []

    @property
    def calendar(self) -> ScenarioCalendar:
        """The calendar of the scenario."""
        return self._calendar

    def period_windows(self, number: int) -> PeriodWindows:
        """The windows of a period, by the number of the period."""
        while len(self._periods) <= number:
            self._extend()
        return self._periods[number]

    def starts_ms(self, window: int) -> int:
        """Start of a window."""
        while not self._periods or self._periods[-1].first + len(self._periods[-1].starts_ms) <= window:
            self._extend()
        windows = self._periods[bisect_right(self._periods, window, key=lambda windows: windows.first) - 1]
        return windows.starts_ms[window - windows.first]

    def window_at(self, at_ms: int) -> int:
        """Number of the window that contains a time; 0 for a time before the first window."""
        while not self._periods or self._periods[-1].period.end_ms <= at_ms:
            self._extend()
        windows = self._periods[
            max(0, bisect_right(self._periods, at_ms, key=lambda windows: windows.period.start_ms) - 1)
        ]
        return max(0, windows.first + bisect_right(windows.starts_ms, at_ms) - 1)

    def _extend(self) -> None:
        period = self._calendar.period(len(self._periods))
        first = self._periods[-1].first + len(self._periods[-1].starts_ms) if self._periods else 0
        hourly = self._expected(period)
        parts = max(1, round(sum(hourly) / EVENTS_PER_WINDOW))
        self._periods.append(PeriodWindows(period, first, _starts(period, hourly, parts)))

    def _expected(self, period: Period) -> list[float]:
        """Expected events of each hour, all lanes together."""
        scenario, days = self._scenario, period.days
        customers = scenario.customers
        share = period.traffic.T @ self._weights / (int(self._weights.sum()) * 24_000_000)  # of a day's traffic
        per_day = _events_per_customer_and_day(scenario)
        growth = period.visit_growth / 1000
        hourly = [self._active * per_day * growth * float(hour) for hour in share]
        if period.index == 0:
            hourly[0] += _REGISTRATION * customers.initial + scenario.catalogue.products * (scenario.lanes + 1)
        new = customers.signups_per_day * period.signup_growth / 1000 * sum(map(float, share))
        left = self._active * min(1.0, customers.churn_per_year * days / 365)
        back = self._away * min(1.0, customers.reactivations_per_year * days / 365)
        self._active, self._away = self._active + new + back - left, self._away + left - back
        return hourly


def _events_per_customer_and_day(scenario: Scenario) -> float:
    sessions, funnel = scenario.sessions, scenario.funnel
    segments = scenario.customers.segments
    habits: list[Habits] = [getattr(segments, name) for name in segments.__struct_fields__]
    activity = sum(h.weight * h.activity for h in habits) / sum(h.weight for h in habits)
    lines = funnel.cart * max(1.0, sessions.steps * funnel.product * funnel.add)
    per_session = 1 + sessions.steps + lines * _EVENTS_PER_CART_LINE
    orders = funnel.cart * funnel.checkout * funnel.complete * _EVENTS_PER_ORDER
    return sessions.per_customer_per_day * activity * (per_session / (1 - sessions.anonymous_share) + orders)


def _starts(period: Period, hourly: list[float], parts: int) -> list[int]:
    """Starts of `parts` windows with equal expected events; fewer if a window would be shorter than a millisecond."""
    if parts == 1:
        return [period.start_ms]
    running = np.concatenate([[0.0], np.cumsum(np.array(hourly))])
    wanted = [running[-1] * part / parts for part in range(parts)]
    starts = []
    for expectation in wanted:
        hour = min(int(np.searchsorted(running, expectation, side="right")) - 1, len(hourly) - 1)
        within = (expectation - running[hour]) / hourly[hour] if hourly[hour] > 0 else 0.0
        starts.append(period.start_ms + hour * HOUR_MS + int(within * HOUR_MS))
    return sorted(set(starts))
