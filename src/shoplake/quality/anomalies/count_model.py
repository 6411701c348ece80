"""Forecasts of counts and shares: season by hour of week, level, dispersion; updated once a day with robust residuals.

An expected count is `weight * level * season[hour of week]`. A share is a count with the number of rows as weight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplake.quality.anomalies.grid import DAY_H, WEEK_H, Grid
from shoplake.quality.anomalies.tail_bounds import Floats

CLIP = 4.0
"""Residuals beyond this number of standard deviations count as this number: an anomaly hardly moves the baseline."""
DISPERSION_CLIP = 12.0
"""The same for the dispersion, which has to know the usual bursts."""
SHRINKAGE = 20.0
"""Expected events that the season of the pool is worth as the prior of a series' own hours and days."""
CELL_SHRINKAGE = 6.0
"""Expected events that hour of day times day of week is worth as the prior of an hour of the week."""
IN_SAMPLE = 4 / 3
"""Squared residuals from a season of four weeks that the same weeks were learned from are too small by this factor."""
SEASON_HALF_LIFE_WEEKS = 8.0
LEVEL_EVENTS = 200.0
"""The level is an average over the days that have this number of events, within these limits."""
LEVEL_HALF_LIFE_DAYS = (3.0, 56.0)
DISPERSION_HALF_LIFE_DAYS = 28.0
DISPERSION_FROM_DAY = 7
PRIOR_EVENTS = 30.0
"""Expected events that the prior of the dispersion is worth."""
PRIOR_DAYS = 40.0
"""Days of one event that the prior of a share's changes by day is worth: a single event in weeks is chance."""
WANDER = {"rows": 0.05, "sum": 0.05}
"""Least relative standard deviation of a day's level, by kind. Shares have less."""
WANDER_OF_SHARES = 0.02
GROWTH_DAYS = (4.0, 14.0)
MAX_GROWTH = 0.03
UNHEARD_GROWTH = 0.015
"""Relative growth per day that may have happened while nothing was learned, after a long sale for example."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Expected counts of each hour, from the days before. Arrays [series, hours].

    Attributes:
        mean: expected count, 0 in hours that are left out.
        dispersion: variance in units of the mean.
        cell: variance of the mean by what is unknown of the season, in events squared.
        level: relative variance of the mean by what is unknown of the level and by its daily changes.
    """

    mean: Floats
    dispersion: Floats
    cell: Floats
    level: Floats


def forecast(grid: Grid, left_out: npt.NDArray[np.bool_], unit: Floats, learned: int) -> Forecast:
    """Forecast each day from the days before it; the days of learning from their own season.

    Args:
        grid: counts and shares.
        left_out: hours in which counts are neither tested nor learned [series, hours].
        unit: the largest contribution of one event: 1, or an amount [series]. The dispersion is not below it.
        learned: number of hours at the start that the first season is taken from, whole days.
    """
    days = grid.hours // DAY_H
    model = _Model(grid, unit, np.where(left_out, 0.0, grid.weight), learned // DAY_H)
    shape = (len(grid.names), days * DAY_H)
    found = Forecast(*(np.zeros(shape) for _ in range(4)))
    for day in range(days):
        span = slice(day * DAY_H, (day + 1) * DAY_H)
        cells = grid.cells[span]
        weight = np.where(left_out[:, span], 0.0, grid.weight[:, span])
        model.day(day, cells, grid.value[:, span], weight, span, found)
    return found


class _Model:
    """State of the forecast; arrays [series] or [series, hours of the week]."""

    def __init__(self, grid: Grid, unit: Floats, weight: Floats, learned: int) -> None:
        count = len(grid.names)
        self._is_count = np.array([kind in WANDER for kind in grid.kinds], dtype=bool)
        self._wander = np.array([WANDER.get(kind, WANDER_OF_SHARES) for kind in grid.kinds]) ** 2
        _, self._pool = np.unique(np.array(grid.pools, dtype=object).astype(str), return_inverse=True)
        self._pools = int(self._pool.max(initial=-1)) + 1
        self._num, self._den = np.zeros(count), np.zeros(count)
        self._growth = np.zeros((2, self._pools, 2))  # short and long average: seen, expected
        self._unheard = np.zeros(count)  # days
        self._squares, self._means = np.zeros(count), np.zeros(count)
        self._day_squares, self._day_means = np.zeros(count), np.zeros(count)
        self._prior = unit
        self._learned = learned
        self._seen, self._expected = first_season(grid, weight, learned)
        first = slice(0, learned * DAY_H)
        heard = np.where(weight[:, first] > 0, grid.value[:, first], 0.0)
        self._reference = heard.sum(axis=1) / np.maximum(weight[:, first].sum(axis=1), 1e-9)

    def day(
        self, day: int, cells: npt.NDArray[np.int64], value: Floats, weight: Floats, span: slice, out: Forecast
    ) -> None:
        """Forecast a day, then learn from it."""
        season, worth = self._season(cells)
        dispersion = self._dispersion()
        level = self._level() * np.exp(self._trend(day))
        mean = np.maximum(weight * level[:, None] * season, 0.0)
        if not self._is_count.all():
            mean = np.where(self._is_count[:, None], mean, np.minimum(mean, weight))
        wide = np.broadcast_to(np.maximum(dispersion, self._prior)[:, None], mean.shape)
        out.mean[:, span], out.dispersion[:, span] = mean, wide
        out.cell[:, span] = mean**2 / worth
        known = self._known() / dispersion
        wander = np.maximum(self._wander, self._daily_variance())
        growth = np.where(self._is_count, UNHEARD_GROWTH * self._unheard, 0.0) ** 2
        out.level[:, span] = (1 / known + wander + growth)[:, None]
        self._learn(day, cells, value, weight, season, mean, wide, wander)

    def _season(self, cells: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Season of some cells, and the number of events that the knowledge of each is worth."""
        strength = SHRINKAGE * self._prior
        cell = CELL_SHRINKAGE * self._prior[:, None]
        pooled_seen, pooled = (self._summed(part) for part in (self._seen, self._expected))
        by_hour = _profile(pooled_seen, pooled, SHRINKAGE, axis="hour", prior=1.0)
        by_day = _profile(pooled_seen, pooled, SHRINKAGE, axis="day", prior=1.0)
        own_hour = _profile(self._seen, self._expected, strength[:, None], axis="hour", prior=by_hour[self._pool])
        own_day = _profile(self._seen, self._expected, strength[:, None], axis="day", prior=by_day[self._pool])
        prior = own_hour[:, cells % DAY_H] * own_day[:, cells // DAY_H]
        seen, expected = self._seen[:, cells], self._expected[:, cells]
        season = (seen + cell * prior) / (expected + cell)
        return season, (expected + cell) / self._dispersion()[:, None]

    def _summed(self, values: Floats) -> Floats:
        """Sums over the series of each pool; amounts are converted to events."""
        summed = np.zeros((self._pools, WEEK_H))
        np.add.at(summed, self._pool, values / self._prior[:, None])
        return summed

    def _known(self) -> Floats:
        """Events behind the level. Half an event more than were seen: what never happened may still be possible."""
        return self._num + 0.5 * self._prior

    def _level(self) -> Floats:
        return np.asarray(self._known() / (self._den + 1.0), dtype=np.float64)

    def _trend(self, day: int) -> Floats:
        """Relative growth of the pool from where the level's average lies to the present day, for counts."""
        (short_seen, short), (long_seen, long) = (np.moveaxis(part, -1, 0) for part in self._growth)
        with np.errstate(divide="ignore", invalid="ignore"):
            change = np.log((short_seen / short) / (long_seen / long))
        known = np.isfinite(change) & (day >= 2 * GROWTH_DAYS[1])
        per_day = np.where(known, change, 0.0) / ((GROWTH_DAYS[1] - GROWTH_DAYS[0]) / np.log(2))
        per_day = np.clip(per_day, -MAX_GROWTH, MAX_GROWTH)[self._pool]
        lag = np.minimum(self._half_life() / np.log(2), 14.0)
        return np.where(self._is_count, per_day * lag, 0.0)

    def _half_life(self) -> Floats:
        """Days."""
        per_day = self._num / np.maximum(self._den, 1e-9) * DAY_H
        events = np.where(self._is_count, per_day / self._dispersion(), 0.0)
        return np.clip(LEVEL_EVENTS / np.maximum(events, 1e-9), *LEVEL_HALF_LIFE_DAYS)

    def _dispersion(self) -> Floats:
        prior = PRIOR_EVENTS * self._prior
        return np.asarray((prior * self._prior + self._squares) / (prior + self._means), dtype=np.float64)

    def _daily_variance(self) -> Floats:
        prior = np.where(self._is_count, 0.0, PRIOR_DAYS * self._prior**2)
        return np.maximum(self._day_squares, 0.0) / np.maximum(self._day_means + prior, 1e-9)

    def _learn(
        self,
        day: int,
        cells: npt.NDArray[np.int64],
        value: Floats,
        weight: Floats,
        season: Floats,
        mean: Floats,
        dispersion: Floats,
        wander: Floats,
    ) -> None:
        heard = weight > 0
        deviation = np.sqrt(dispersion * mean + wander[:, None] * mean**2) + self._prior[:, None] / CLIP
        robust = value
        if day >= self._learned:
            robust = np.clip(value, mean - CLIP * deviation, mean + CLIP * deviation)
        robust = np.where(heard, np.maximum(robust, 0.0), 0.0)
        keep = 0.5 ** (heard.mean(axis=1) / self._half_life())  # what is not heard of does not age
        self._unheard = self._unheard * keep + 1 - heard.mean(axis=1)
        seen, scaled = robust.sum(axis=1), (weight * season).sum(axis=1)
        self._num = self._num * keep + seen
        self._den = self._den * keep + scaled
        if day >= self._learned:
            level = np.maximum(self._level(), 1e-12)
            fade = 0.5 ** (1 / SEASON_HALF_LIFE_WEEKS)
            self._seen[:, cells] = np.where(heard, self._seen[:, cells] * fade + robust, self._seen[:, cells])
            self._expected[:, cells] = np.where(
                heard, self._expected[:, cells] * fade + weight * level[:, None], self._expected[:, cells]
            )
        self._learn_growth(seen / self._prior, scaled * self._reference / self._prior)
        if day < DISPERSION_FROM_DAY:
            return
        fade = 0.5 ** (1 / DISPERSION_HALF_LIFE_DAYS)
        # Bursts of counts come again, so they have to be known. A burst of a share is an incident.
        incident = ~self._is_count[:, None] & (np.abs(value - mean) > CLIP * deviation) & (day >= self._learned)
        bound = DISPERSION_CLIP * deviation
        residual = np.where(heard & ~incident, np.clip(value - mean, -bound, bound), 0.0)
        residual *= math.sqrt(IN_SAMPLE) if day < self._learned else 1.0
        self._squares = self._squares * fade + (residual**2).sum(axis=1)
        self._means = self._means * fade + mean.sum(axis=1)
        total = mean.sum(axis=1)
        self._day_squares = self._day_squares * fade + residual.sum(axis=1) ** 2 - self._dispersion() * total
        self._day_means = self._day_means * fade + total**2

    def _learn_growth(self, seen: Floats, expected: Floats) -> None:
        """Follow what was seen of a pool, in relation to its level in the days of learning."""
        for number, half_life in enumerate(GROWTH_DAYS):
            summed = np.zeros((self._pools, 2))
            own = self._is_count & (expected > 0)
            np.add.at(summed[:, 0], self._pool[own], seen[own])
            np.add.at(summed[:, 1], self._pool[own], expected[own])
            keep = np.where(summed[:, 1] > 0, 0.5 ** (1 / half_life), 1.0)
            self._growth[number] = self._growth[number] * keep[:, None] + summed


def first_season(grid: Grid, weight: Floats, days: int) -> tuple[Floats, Floats]:
    """Events seen and expected without a season, by hour of the week, in the first days [series, hours of the week].

    The level of a day is that of the week around it, which has each day of the week once.
    """
    shape = (len(grid.names), days, DAY_H)
    weights = weight[:, : days * DAY_H].reshape(shape)
    values = np.where(weights > 0, grid.value[:, : days * DAY_H].reshape(shape), 0.0)
    starts = np.clip(np.arange(days) - 3, 0, max(days - 7, 0))
    around = starts[:, None] + np.arange(min(days, 7))[None, :]
    seen, known = (part.sum(axis=2)[:, around].sum(axis=2) for part in (values, weights))
    level = seen / np.maximum(known, 1e-9)
    cells = grid.cells[: days * DAY_H]
    found = np.zeros((2, len(grid.names), WEEK_H))
    np.add.at(found[0].T, cells, values.reshape(-1, days * DAY_H).T)
    np.add.at(found[1].T, cells, (weights * level[:, :, None]).reshape(-1, days * DAY_H).T)
    return found[0], found[1]


def _profile(seen: Floats, expected: Floats, strength: Floats | float, axis: str, prior: Floats | float) -> Floats:
    """Season by hour of day or day of week, shrunk to a prior; shape [rows, 24 or 7]."""
    along = 1 if axis == "hour" else 2
    by = [part.reshape(len(part), 7, DAY_H).sum(axis=along) for part in (seen, expected)]
    return np.asarray((by[0] + strength * prior) / (by[1] + strength), dtype=np.float64)
