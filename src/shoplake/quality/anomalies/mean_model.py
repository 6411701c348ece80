"""Forecasts of means: season by hour of week, level, variance of a single value; updated once a day, robustly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shoplake.quality.anomalies.grid import DAY_H, WEEK_H, Grid
from shoplake.quality.anomalies.tail_bounds import Floats

CLIP = 4.0
SHRINKAGE_ROWS = 500.0
"""Rows that the level is worth as the prior of the mean of an hour of the week."""
LEVEL_HALF_LIFE_DAYS = 14.0
SEASON_HALF_LIFE_WEEKS = 8.0
VARIANCE_HALF_LIFE_DAYS = 28.0
MIN_HOURS = 30.0
"""Hours with a residual before a variance is believed."""


@dataclass(frozen=True, slots=True)
class MeanForecast:
    """Expected means of each hour, from the days before. Arrays [series, hours].

    Attributes:
        mean: expected mean.
        single: variance of the mean of one row; infinite where too little is known.
        wander: variance of the expected mean by its daily changes and by what is unknown of it.
    """

    mean: Floats
    single: Floats
    wander: Floats


def forecast(grid: Grid) -> MeanForecast:
    """Forecast each day from the days before it."""
    count, days = len(grid.names), grid.hours // DAY_H
    found = MeanForecast(*(np.zeros((count, days * DAY_H)) for _ in range(3)))
    total, rows = np.zeros(count), np.zeros(count)
    cell_total, cell_rows = np.zeros((count, WEEK_H)), np.zeros((count, WEEK_H))
    squares, hours = np.zeros(count), np.zeros(count)
    day_squares, day_count = np.zeros(count), np.zeros(count)
    keep, fade = 0.5 ** (1 / LEVEL_HALF_LIFE_DAYS), 0.5 ** (1 / VARIANCE_HALF_LIFE_DAYS)
    fade_cell = 0.5 ** (1 / SEASON_HALF_LIFE_WEEKS)
    for day in range(days):
        span = slice(day * DAY_H, (day + 1) * DAY_H)
        cells = grid.cells[span]
        value, weight = grid.value[:, span], grid.weight[:, span]
        level = total / np.maximum(rows, 1e-9)
        shrunk = cell_rows[:, cells] + SHRINKAGE_ROWS
        season = cell_total[:, cells] / shrunk  # of differences from the level, shrunk to 0
        mean = level[:, None] + season
        single = np.where(hours >= MIN_HOURS, squares / np.maximum(hours, 1e-9), np.inf)
        wander = np.maximum(day_squares, 0.0) / np.maximum(day_count, 1e-9)
        finite = np.where(np.isfinite(single), single, 0.0)
        found.mean[:, span] = mean
        found.single[:, span] = single[:, None]
        unknown = np.where(rows > 0, finite / np.maximum(rows, 1e-9) + wander, np.inf)
        found.wander[:, span] = unknown[:, None] + finite[:, None] / shrunk

        heard = weight > 0
        deviation = np.sqrt(single[:, None] / np.maximum(weight, 1e-9) + wander[:, None])
        clipped = np.clip(value - mean, -CLIP * deviation, CLIP * deviation)
        residual = np.where(heard, clipped if day else value, 0.0)
        robust = np.where(heard, (mean if day else 0.0) + residual, 0.0)
        rows = rows * keep + weight.sum(axis=1)
        total = total * keep + ((robust - np.where(heard, season, 0.0)) * weight).sum(axis=1)
        aside = np.where(heard, robust - level[:, None], 0.0) if day else np.zeros_like(robust)
        cell_total[:, cells] = cell_total[:, cells] * np.where(heard, fade_cell, 1.0) + aside * weight
        cell_rows[:, cells] = cell_rows[:, cells] * np.where(heard, fade_cell, 1.0) + (weight if day else 0.0)
        if day < DAY_H // 4:
            continue
        squares = squares * fade + (weight * residual**2).sum(axis=1)
        hours = hours * fade + heard.sum(axis=1)
        n = weight.sum(axis=1)
        average = (weight * residual).sum(axis=1) / np.maximum(n, 1e-9)
        excess = average**2 - squares / np.maximum(hours, 1e-9) / np.maximum(n, 1e-9)
        day_squares = day_squares * fade + np.where(n > 0, excess, 0.0)
        day_count = day_count * fade + (n > 0)
    return found
