"""Which windows there are: the event time that is simulated in one go, cut where too many events are to be expected.

A function of the scenario alone, so that every worker cuts at the same times whatever its lanes hold. The expectation
is rough, as it has only to keep windows small enough for memory and for a Kafka transaction.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from shopsim.calendar.scenario_calendar import Timetable, locale_weights
from shopsim.calendar.traffic import HOUR_MS, Span
from shopsim.engine.windows import Stretch
from shopsim.scenario.sections import Habits, Scenario

EVENTS_PER_WINDOW = 100_000
"""About as many, where more than that are expected."""

_REGISTRATION = 3  # its text is as long as that of three other events
_EVENTS_PER_ORDER = 14
_EVENTS_PER_CART_LINE = 1.3


@dataclass(frozen=True, slots=True)
class Cut:
    """The windows into which a span is cut.

    Attributes:
        span: the event time that is simulated in one go.
        first: number of the first window.
        starts_ms: of each, ascending; the first is the span's.
    """

    span: Span
    first: int
    starts_ms: list[int]

    @property
    def ends_ms(self) -> list[int]:
        """Of each (excluded); the last is the span's."""
        return [*self.starts_ms[1:], self.span.end_ms]

    def stretches(self, first: int, most: int) -> list[Stretch]:
        """The windows from number `first` on, up to `most` at once."""
        begin = max(0, first - self.first)
        return [
            Stretch(self.first + place, self.starts_ms[place], tuple(self.ends_ms[place : place + most]))
            for place in range(begin, len(self.starts_ms), most)
        ]


class Schedule:
    """Spans and windows of a scenario, in order. Mutable: it follows the number of customers to be expected."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario, self._timetable = scenario, Timetable(scenario)
        self._weights = locale_weights(scenario)
        self._active, self._away = float(scenario.customers.initial), 0.0
        self._cuts: list[Cut] = []

    @property
    def timetable(self) -> Timetable:
        """What each hour is like."""
        return self._timetable

    def cut(self, span: int) -> Cut:
        """The windows of a span, by its number."""
        while len(self._cuts) <= span:
            self._extend()
        return self._cuts[span]

    def starts_ms(self, window: int) -> int:
        """When a window starts."""
        while not self._cuts or self._cuts[-1].first + len(self._cuts[-1].starts_ms) <= window:
            self._extend()
        cut = self._cuts[bisect_right(self._cuts, window, key=lambda cut: cut.first) - 1]
        return cut.starts_ms[window - cut.first]

    def window_at(self, at_ms: int) -> int:
        """The number of the window that a time is in; 0 for a time before the first."""
        while not self._cuts or self._cuts[-1].span.end_ms <= at_ms:
            self._extend()
        cut = self._cuts[max(0, bisect_right(self._cuts, at_ms, key=lambda cut: cut.span.start_ms) - 1)]
        return max(0, cut.first + bisect_right(cut.starts_ms, at_ms) - 1)

    def _extend(self) -> None:
        span = self._timetable.span(len(self._cuts))
        first = self._cuts[-1].first + len(self._cuts[-1].starts_ms) if self._cuts else 0
        hourly = self._expected(span)
        parts = max(1, round(sum(hourly) / EVENTS_PER_WINDOW))
        self._cuts.append(Cut(span, first, _starts(span, hourly, parts)))

    def _expected(self, span: Span) -> list[float]:
        """Events of each hour, all lanes together."""
        scenario, days = self._scenario, span.days
        customers = scenario.customers
        share = span.traffic.T @ self._weights / (int(self._weights.sum()) * 24_000_000)  # of a day's traffic
        per_day = _events_per_customer_and_day(scenario)
        growth = span.visit_growth / 1000
        hourly = [self._active * per_day * growth * float(hour) for hour in share]
        if span.index == 0:
            hourly[0] += _REGISTRATION * customers.initial + scenario.catalogue.products * (scenario.lanes + 1)
        new = customers.signups_per_day * span.signup_growth / 1000 * sum(map(float, share))
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


def _starts(span: Span, hourly: list[float], parts: int) -> list[int]:
    """Where `parts` windows of equal expectation start; fewer where these would be less than a millisecond long."""
    if parts == 1:
        return [span.start_ms]
    running = np.concatenate([[0.0], np.cumsum(np.array(hourly))])
    wanted = [running[-1] * part / parts for part in range(parts)]
    starts = []
    for expectation in wanted:
        hour = min(int(np.searchsorted(running, expectation, side="right")) - 1, len(hourly) - 1)
        within = (expectation - running[hour]) / hourly[hour] if hourly[hour] > 0 else 0.0
        starts.append(span.start_ms + hour * HOUR_MS + int(within * HOUR_MS))
    return sorted(set(starts))
