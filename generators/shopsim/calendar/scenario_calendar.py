"""A scenario's calendar: traffic per hour and locale, and the days without deliveries in each locale."""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt

from shopsim.calendar.holidays import holidays
from shopsim.calendar.time_zones import UtcOffsets
from shopsim.calendar.traffic import DAY_MS, HOUR_MS, OPENING_MS, PPM, Period
from shopsim.core.locales import LOCALES, Locale
from shopsim.core.rng import Bools, Ints
from shopsim.scenario.sections import Scenario

_EPOCH = dt.date(1970, 1, 1)
_LAST_DAY = (dt.date(2103, 1, 1) - _EPOCH).days
_SUNDAY, _WEEK = 6, 7
_MAX_GROWTH = 100
_MAX_TRAFFIC = 1_000 * PPM  # an upper limit, also when several lifts apply at once
_DAYS_PER_YEAR = 365


def locales_of(scenario: Scenario) -> list[Locale]:
    """The locales of a scenario, ordered by their numbers (not as in the file)."""
    return [LOCALES[name] for name in sorted(scenario.customers.locales)]


def locale_weights(scenario: Scenario) -> Ints:
    """Relative number of customers per locale; int64 [locales]."""
    weights = [scenario.customers.locales[locale.name] for locale in locales_of(scenario)]
    return np.array([max(round(1000 * weight / max(weights)), weight > 0) for weight in weights], dtype=np.int64)


class ScenarioCalendar:
    """Traffic, holidays and delivery days of one scenario. Immutable."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._locales = locales_of(scenario)
        self._utc_offsets = UtcOffsets([locale.zone for locale in self._locales])
        self._profile = _profile(scenario)
        self._first_day = scenario.start_ms // DAY_MS - 1
        self._holiday = self._holidays()
        self._delivery_wait_days = self._days_until_delivery()

    def period(self, window: int) -> Period:
        """A period by its number: its event time and its traffic."""
        scenario = self._scenario
        start = scenario.start_ms + window * scenario.window_ms
        traffic = self._traffic(start, scenario.window_hours)
        opens = start
        if window == 0:
            opens = start + OPENING_MS
            traffic[:, : OPENING_MS // HOUR_MS] = 0
        days = scenario.window_hours / 24
        since = window * days + days / 2
        visits, signups = (_growth(g, since) for g in (scenario.trend.visits_per_year, scenario.trend.signups_per_year))
        return Period(window, start, start + scenario.window_ms, opens, traffic, visits, signups)

    def delivery_time(self, locale: Ints, at_ms: Ints) -> Ints:
        """Delivery times: the planned time, or the same hour on the next day with deliveries.

        Args:
            locale: of each customer.
            at_ms: planned delivery times, UTC milliseconds.
        """
        offset = self._utc_offsets.offset_ms(locale, at_ms)
        day = (at_ms + offset) // DAY_MS - self._first_day
        wait = (
            self._delivery_wait_days[locale, np.minimum(day, self._delivery_wait_days.shape[1] - 1)].astype(np.int64)
            * DAY_MS
        )
        moved = at_ms + wait
        # The UTC offset may change between the two days.
        arrived: Ints = moved + np.where(wait > 0, offset - self._utc_offsets.offset_ms(locale, moved), 0)
        return arrived

    def in_local_days(self, first: dt.date, last: dt.date, locale: Ints, at_ms: Ints) -> Bools:
        """Whether times fall on days from `first` to `last` (included), in the local time of each row's locale."""
        day = (at_ms + self._utc_offsets.offset_ms(locale, at_ms)) // DAY_MS
        inside: Bools = (day >= (first - _EPOCH).days) & (day <= (last - _EPOCH).days)
        return inside

    def _traffic(self, start_ms: int, hours: int) -> Ints:
        """Traffic per locale and hour, in `PPM`; int64 [locales, hours]."""
        at = start_ms + np.arange(hours) * HOUR_MS
        return np.stack([self._locale_traffic(number, at) for number in range(len(self._locales))])

    def _locale_traffic(self, number: int, at_ms: Ints) -> Ints:
        scenario, locale = self._scenario, np.full(len(at_ms), number)
        local = at_ms + self._utc_offsets.offset_ms(locale, at_ms)
        day = local // DAY_MS
        # 1970-01-01 was a Thursday: day 3 of a week that starts on Monday.
        traffic = self._profile[(day + 3) % _WEEK, local // HOUR_MS % 24]
        on_holiday = self._holiday[number, np.minimum(day - self._first_day, self._holiday.shape[1] - 1)]
        traffic = np.where(on_holiday, _scaled(traffic, scenario.holidays.traffic), traffic)
        for campaign in scenario.campaigns:
            inside = self.in_local_days(campaign.first, campaign.last, locale, at_ms)
            traffic = np.where(inside, _scaled(traffic, campaign.lift), traffic)
        for sale in scenario.flash_sales:
            inside = (at_ms >= sale.start_ms) & (at_ms < sale.end_ms)
            traffic = np.where(inside, _scaled(traffic, sale.lift), traffic)
        return np.minimum(traffic, _MAX_TRAFFIC)

    def _holidays(self) -> Bools:
        days = np.zeros((len(self._locales), _LAST_DAY - self._first_day), dtype=bool)
        for number, locale in enumerate(self._locales):
            for year in range(self._scenario.start.year, 2103):
                found = [(date - _EPOCH).days - self._first_day for date in holidays(locale.country, year)]
                days[number, [day for day in found if day >= 0]] = True
        return days

    def _days_until_delivery(self) -> npt.NDArray[np.int8]:
        """Days from each day to the next day with deliveries, 0 if it has deliveries itself; shape [locales, days]."""
        scenario = self._scenario
        days = self._holiday.shape[1]
        closed = self._holiday.copy() if not scenario.holidays.deliveries else np.zeros_like(self._holiday)
        if not scenario.fulfilment.sunday_deliveries:
            closed[:, (self._first_day + np.arange(days) + 3) % _WEEK == _SUNDAY] = True
        opens = np.where(closed, days, np.arange(days))
        following = np.minimum.accumulate(opens[:, ::-1], axis=1)[:, ::-1]
        return np.where(following < days, following - np.arange(days), 0).astype(np.int8)


def _profile(scenario: Scenario) -> Ints:
    """Traffic per weekday and hour, `PPM` on average; int64 [7, 24]."""
    seasons = scenario.seasons
    weights = [[day * hour for hour in seasons.hours] for day in seasons.weekdays]
    average = sum(map(sum, weights)) / (_WEEK * 24)
    return np.array([[round(weight / average * PPM) for weight in day] for day in weights], dtype=np.int64)


def _scaled(traffic: Ints, factor: float) -> Ints:
    return traffic * round(factor * 1000) // 1000


def _growth(per_year: float, days: float) -> int:
    """The growth factor after a number of days, in thousandths."""
    factor: float = (1 + per_year) ** (days / _DAYS_PER_YEAR)
    return round(1000 * min(_MAX_GROWTH, factor))
