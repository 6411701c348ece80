"""Slow drift of a share or a ratio: a cumulative sum (CUSUM) of daily log-likelihood ratios against a lagged reference.

The sum is `S = max(0, S + l)` with `l = x ln(ratio) - m (ratio - 1)` for x events where m are expected: the
log-likelihood ratio of a rate that has changed by `ratio`. Without a change, `E[exp(l)] <= 1`. The mean time to a false
alarm at the threshold h is therefore at least `exp(h)` days (Lorden 1971), for any distribution of m over the days.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from shoplake.quality.anomalies import budget
from shoplake.quality.anomalies.alarms import HITS
from shoplake.quality.anomalies.grid import DAY_H, Grid
from shoplake.quality.anomalies.tail_bounds import Floats

KINDS = ("ratio", "delayed", "nulls")
RATIOS = (1.25, 1.5, 2.0, 1 / 1.25, 1 / 1.5, 1 / 2.0)
"""Changes of the rate that a sum looks for."""
SETTLING_DAYS = 14
"""Days at the start that are no reference."""
LAG_DAYS = 7
"""The reference ends this long before the day, so that it follows a drift late."""
MARGIN = 0.05
"""A rate that is off by this part of the reference is none that has changed."""
PRIOR_EVENTS = 0.5


def hits(whole: Grid, start: int, alarms_per_week: float) -> pl.DataFrame:
    """Days on which a sum exceeds the threshold, as rows of `alarms.HITS`.

    Args:
        whole: all series.
        start: hour of the grid from which on is tested.
        alarms_per_week: false alarms per week on average, over all series of the platform.
    """
    one = whole.of_kinds(KINDS)
    days = one.hours // DAY_H
    shape = (len(one.names), days, DAY_H)
    seen, weight = (part[:, : days * DAY_H].reshape(shape).sum(axis=2) for part in (one.value, one.weight))
    limit = budget.threshold("drift", len(one.names) * 7 * len(RATIOS), alarms_per_week)
    rate, known = reference(seen, weight)
    dispersion = _dispersion(seen, weight * rate)
    sums = np.zeros((len(RATIOS), len(one.names)))
    begun = np.zeros((len(RATIOS), len(one.names)), dtype=np.int64)
    found = []
    for day in range(start // DAY_H, days):
        mean = weight[:, day] * rate[:, day]
        # What is unknown of the reference counts against the alarm, in both directions.
        margin = MARGIN + 2 / np.sqrt(known[:, day])
        for number, ratio in enumerate(RATIOS):
            bound = mean * (1 + margin) if ratio > 1 else mean * np.maximum(1 - margin, 0.0)
            step = (seen[:, day] * np.log(ratio) - bound * (ratio - 1)) / dispersion[:, day]
            begun[number] = np.where(sums[number] <= 0, day, begun[number])
            sums[number] = np.maximum(sums[number] + step, 0.0)
            for row in np.flatnonzero(sums[number] >= limit).tolist():
                span = slice(int(begun[number, row]), day + 1)
                found.append(
                    (
                        one.names[row],
                        "drift",
                        one.first + span.start * DAY_H,
                        one.first + span.stop * DAY_H,
                        float(seen[row, span].sum()),
                        float((weight[row, span] * rate[row, day]).sum()),
                        float(weight[row, span].sum()),
                        float(sums[number, row] / limit),
                    )
                )
    return pl.DataFrame(found, schema=HITS, orient="row")


def reference(seen: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Rate from the days before each day, without the last `LAG_DAYS`, and the number of events behind it.

    Days that are far off the reference of their own day count as if they were at its limit.
    """
    rate, known = np.zeros_like(seen), np.full_like(seen, PRIOR_EVENTS)
    total = np.zeros((2, len(seen)))
    for day in range(seen.shape[1]):
        learned = day - LAG_DAYS
        if learned >= SETTLING_DAYS:
            x, w = seen[:, learned], weight[:, learned]
            before = rate[:, day - 1]
            limit = w * before + 4 * np.sqrt(np.maximum(w * before, 1.0))
            total[0] += np.where(before > 0, np.minimum(x, limit), x)
            total[1] += w
        known[:, day] = total[0] + PRIOR_EVENTS
        rate[:, day] = np.where(total[1] > 0, known[:, day] / np.maximum(total[1], 1e-9), 0.0)
    return rate, known


def _dispersion(seen: Floats, mean: Floats) -> Floats:
    """Variance of a day's count in units of its mean, from the days before; at least 1."""
    squares, means = np.cumsum(np.where(mean > 0, (seen - mean) ** 2, 0.0), axis=1), np.cumsum(mean, axis=1)
    prior = 5.0
    found = (prior + squares) / (prior + means)
    lagged = np.ones_like(found)
    lagged[:, LAG_DAYS:] = found[:, :-LAG_DAYS]
    return np.maximum(lagged, 1.0)
