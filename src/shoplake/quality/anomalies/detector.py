"""Find anomalies in hourly measures: forecasts, tests of several windows, a test of slow drift, and alarms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from shoplake.quality.anomalies import budget, count_model, drift, mean_model, measure_sql
from shoplake.quality.anomalies.alarms import HITS, merged
from shoplake.quality.anomalies.grid import COUNTS, DAY_H, LARGEST, MEANS, WEEK_H, Grid, grid, trailing_sum
from shoplake.quality.anomalies.tail_bounds import Floats, burst_exponent, count_exponent, mean_exponent
from shoplake.quality.anomalies.tempering import tempered

LEARNING_DAYS = 28
COUNT_WINDOWS_H = (1, 3, 24, 168)
MEAN_WINDOWS_H = (1, 3, 24)
NOT_TESTED_BY_HOUR = ("delayed", LARGEST)
"""Kinds that only the test of drift sees: an event in relation to those of weeks before."""


@dataclass(frozen=True, slots=True)
class Announced:
    """Hours in which the shop expects unusual traffic: a sale, a public holiday. Hours since 1970, `end` excluded."""

    first: int
    end: int


def detect(
    measures: pl.DataFrame,
    since: int,
    until: int,
    *,
    announced: Sequence[Announced] = (),
    alarms_per_week: float = budget.ALARMS_PER_WEEK,
    learning_days: int = LEARNING_DAYS,
    time_zone: str = "UTC",
) -> pl.DataFrame:
    """Find the anomalies of some hours.

    Args:
        measures: columns of `measures.SCHEMA`: the history and the hours to test.
        since: first hour of the history, counted since 1970; a full day (divisible by 24).
        until: end of the hours to test, excluded. Drift is tested by full days.
        announced: counts in these hours are neither tested nor learned.
        alarms_per_week: false alarms per week on average, over all series.
        learning_days: days at the start in which nothing is tested.
        time_zone: whose clocks most customers have; a week is one of these clocks.

    Returns:
        Alarms, with the columns of `alarms.ALARMS`, by time.

    Raises:
        ValueError: `since` is not the first hour of a day.
    """
    return merged(hits(measures, since, until, announced, alarms_per_week, learning_days, time_zone))


def hits(
    measures: pl.DataFrame,
    since: int,
    until: int,
    announced: Sequence[Announced] = (),
    alarms_per_week: float = budget.ALARMS_PER_WEEK,
    learning_days: int = LEARNING_DAYS,
    time_zone: str = "UTC",
) -> pl.DataFrame:
    """The windows beyond a threshold, before neighbours are merged to alarms; arguments as of `detect`."""
    if since % DAY_H:
        raise ValueError(f"expected the first hour of a day, found hour {since % DAY_H} of a day")
    end = since + math.ceil((until - since) / DAY_H) * DAY_H
    start = learning_days * DAY_H
    whole = grid(measures.filter(pl.col("hour") < until), since, end, start, time_zone)
    found = [_counts(whole, announced, start, alarms_per_week), _means(whole, announced, start, alarms_per_week)]
    found.append(drift.hits(_without(whole, announced), start, alarms_per_week))
    # The rest of the last day is empty, and nothing before depends on it.
    return pl.concat(found).filter(pl.col("end") <= until).sort("end", "series")


def _is_announced(one: Grid, announced: Sequence[Announced]) -> npt.NDArray[np.bool_]:
    """Hours of the grid that are announced [hours]."""
    hit = np.zeros(one.hours, dtype=bool)
    for period in announced:
        hit[max(period.first - one.first, 0) : max(period.end - one.first, 0)] = True
    return hit


def _depends_on_traffic(name: str, kind: str) -> bool:
    """Whether a sale changes the measure: counts, mixtures, and columns that may be null."""
    if kind == "nulls":
        event, _, column = name.partition(":")[2].partition(".")
        return column not in measure_sql.required(event)
    return kind in (*COUNTS, "values", "ratio")


def _left_out(one: Grid, announced: Sequence[Announced]) -> npt.NDArray[np.bool_]:
    """Announced hours of the series that depend on the traffic [series, hours]."""
    depends = np.array([_depends_on_traffic(*series) for series in zip(one.names, one.kinds, strict=True)], dtype=bool)
    return np.asarray(depends[:, None] & _is_announced(one, announced)[None, :], dtype=np.bool_)


def _without(one: Grid, announced: Sequence[Announced]) -> Grid:
    """The series without what is announced."""
    value, weight = (np.where(_left_out(one, announced), 0.0, part) for part in (one.value, one.weight))
    return Grid(one.names, one.kinds, one.pools, one.first, one.cells, value, weight)


def flipped(shares: Grid, learned: int) -> Grid:
    """Shares above a half as those of the other rows, since the bound of a tail is sharp for small shares."""
    many = shares.value[:, :learned].sum(axis=1) > 0.5 * shares.weight[:, :learned].sum(axis=1)
    is_share = np.array([kind not in COUNTS for kind in shares.kinds], dtype=bool)
    turned = (many & is_share)[:, None]
    value = np.where(turned, shares.weight - shares.value, shares.value)
    return Grid(shares.names, shares.kinds, shares.pools, shares.first, shares.cells, value, shares.weight)


def _counts(whole: Grid, announced: Sequence[Announced], start: int, alarms_per_week: float) -> pl.DataFrame:
    kinds = [kind for kind in dict.fromkeys(whole.kinds) if kind not in (*MEANS, *NOT_TESTED_BY_HOUR)]
    original = whole.of_kinds(kinds)
    one = flipped(original, start)
    is_count = np.array([kind in COUNTS for kind in one.kinds], dtype=bool)
    left_out = _left_out(one, announced)
    unit, tested = _unit(whole, one, start)
    expected = count_model.forecast(one, left_out, unit, start)
    value = np.where(left_out, 0.0, one.value)
    found = []
    for family, rows in (("count", np.flatnonzero(is_count & tested)), ("share", np.flatnonzero(~is_count))):
        tests = len(rows) * len(COUNT_WINDOWS_H) * budget.HOURS_PER_WEEK * budget.DIRECTIONS
        limit = budget.threshold(family, tests, alarms_per_week)
        for window in COUNT_WINDOWS_H:
            seen, mean, cell = (trailing_sum(part[rows], window) for part in (value, expected.mean, expected.cell))
            spread = expected.level[rows] + cell / np.maximum(mean, 1e-12) ** 2
            usual, dispersion = np.maximum(mean, 1e-12), expected.dispersion[rows]
            exponent = np.where(mean > 0, count_exponent(seen, usual, dispersion, 1 / spread), 0.0)
            if family == "count":
                bursts = burst_exponent(seen, usual, dispersion)
                exponent = np.where(seen > mean, np.minimum(exponent, bursts), exponent)
            # Rows that contradict each other do not become usual by happening again. Bursts of counts do.
            forgotten = _forgotten(one.hours, start, limit) if family == "share" else None
            exponent = _tempered(exponent, seen > mean, forgotten)
            found.append(_rows(one, original, rows, exponent, limit, start, window, seen, mean))
    return pl.concat(found)


def _tempered(exponent: Floats, above: npt.NDArray[np.bool_], forgotten: Floats | None = None) -> Floats:
    """Both directions apart: a series with bursts may still be known never to stop."""
    up, down = (tempered(np.where(side, exponent, 0.0), forgotten) for side in (above, ~above))
    return np.maximum(up, down)


def _forgotten(hours: int, start: int, limit: float) -> Floats:
    """From the first tested hour on, exponents beyond the limit are incidents, not the usual tail [hours]."""
    return np.where(np.arange(hours) < start, np.inf, limit)


def _unit(whole: Grid, one: Grid, learned: int) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The largest contribution of an event to each series, and which series can be tested [series].

    Let amounts be at most `b`: twice the largest amount of the days of learning. The sum of a Poisson number of them,
    in units of `b`, then has lighter tails than a Poisson count of the same mean, because exp is convex.
    """
    largest = dict(zip(whole.names, whole.value[:, :learned].max(axis=1, initial=0.0), strict=True))
    amounts = [largest.get(f"{LARGEST}:{name.partition(':')[2]}", 0.0) for name in one.names]
    is_sum = np.array([kind == "sum" for kind in one.kinds], dtype=bool)
    unit = np.where(is_sum, 2 * np.array(amounts), 1.0)
    return np.where(unit > 0, unit, 1.0), unit > 0


def _means(whole: Grid, announced: Sequence[Announced], start: int, alarms_per_week: float) -> pl.DataFrame:
    one = whole.of_kinds(MEANS)
    by_day = np.array([kind == "hour_of_day" for kind in one.kinds], dtype=bool)
    # A sale changes prices, and the shape of the day for as long as one of its hours is in the last 24.
    hours = _is_announced(one, announced)
    near = trailing_sum(hours.astype(np.float64), DAY_H) > 0
    weight = np.where(np.where(by_day[:, None], near[None, :], hours[None, :]), 0.0, one.weight)
    one = Grid(one.names, one.kinds, one.pools, one.first, one.cells, one.value, weight)
    expected = mean_model.forecast(one)
    rows = np.arange(len(one.names))
    tests = len(rows) * len(MEAN_WINDOWS_H) * budget.HOURS_PER_WEEK * budget.DIRECTIONS
    limit = budget.threshold("mean", tests, alarms_per_week)
    found = []
    for window in MEAN_WINDOWS_H:
        n = trailing_sum(one.weight, window)
        heard = np.maximum(n, 1e-9)
        seen = trailing_sum(one.weight * one.value, window) / heard
        mean = trailing_sum(one.weight * expected.mean, window) / heard
        single = expected.single if window == 1 else np.where(by_day[:, None], np.inf, expected.single)
        variance = single / heard + expected.wander
        exponent = np.where(n > 0, mean_exponent(seen, mean, variance), 0.0)
        exponent = _tempered(exponent, seen > mean)
        found.append(_rows(one, one, rows, exponent, limit, start, window, seen, mean))
    return pl.concat(found)


def _rows(
    tested: Grid,
    original: Grid,
    rows: npt.NDArray[np.int64],
    exponent: Floats,
    limit: float,
    start: int,
    window: int,
    seen: Floats,
    mean: Floats,
) -> pl.DataFrame:
    """The windows beyond the limit, as rows of `HITS`."""
    exponent = exponent.copy()
    exponent[:, :start] = 0.0
    row, hour = np.nonzero(exponent >= limit)
    end = tested.first + hour + 1
    turned = (tested.value[rows[row]] != original.value[rows[row]]).any(axis=1) if len(row) else np.zeros(0, dtype=bool)
    total = trailing_sum(original.weight[rows], window)[row, hour]
    observed, expected = seen[row, hour], mean[row, hour]
    return pl.DataFrame(
        {
            "series": [tested.names[rows[one]] for one in row],
            "kind": [tested.kinds[rows[one]] for one in row],
            "start": end - window,
            "end": end,
            "observed": np.where(turned, total - observed, observed),
            "expected": np.where(turned, total - expected, expected),
            "weight": total,
            "score": exponent[row, hour] / limit,
        },
        schema=HITS,
    )


__all__ = ["LEARNING_DAYS", "WEEK_H", "Announced", "detect", "hits"]
