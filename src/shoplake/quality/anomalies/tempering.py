"""Exponents that are not steeper than the history of their series allows.

A forecast may have lighter tails than the data: orders arrive in bursts, a season is not quite what was learned. Then
the largest exponents of the past exceed what so many tests yield by chance, and all of the series are scaled down.
"""

from __future__ import annotations

import numpy as np

from shoplake.quality.anomalies.grid import DAY_H
from shoplake.quality.anomalies.tail_bounds import Floats

FROM_DAY = 14
"""Before, forecasts are too rough to be measured by."""
REMEMBERED_DAYS = 70
RANK = 3
"""The largest but two of the daily maxima counts: two days with an anomaly do not make a series insensitive."""


def tempered(exponent: Floats, forgotten: Floats | None = None) -> Floats:
    """Scale exponents by what their series' largest were in the days before.

    Of n independent tests with the right tails, the k-th largest exponent is about `ln(n / k)`. If it was larger by a
    factor, the exponents are divided by this factor.

    Args:
        exponent: of tests in one direction [series, hours]; whole days.
        forgotten: days whose largest exponent is beyond this do not count; infinite where all count [hours].
    """
    series, hours = exponent.shape
    daily = exponent.reshape(series, hours // DAY_H, DAY_H).max(axis=2)
    if forgotten is not None:
        daily = np.where(daily >= forgotten.reshape(-1, DAY_H).min(axis=1), 0.0, daily)
    scaled = exponent.copy()
    for day in range(FROM_DAY + RANK, hours // DAY_H):
        past = daily[:, max(FROM_DAY, day - REMEMBERED_DAYS) : day]
        kth = np.partition(past, past.shape[1] - RANK, axis=1)[:, past.shape[1] - RANK]
        usual = np.log(DAY_H * past.shape[1] / RANK)
        scaled[:, day * DAY_H : (day + 1) * DAY_H] *= np.minimum(1.0, usual / np.maximum(kth, 1e-9))[:, None]
    return scaled
