"""How far a distribution is from a reference: the population stability index and the chi-square test."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

SMALLEST_SHARE = 1e-4
"""An empty bin counts as this share: the index of a bin that is empty on one side only would be infinite."""
_GAMMA_ITERATIONS = 500


@dataclass(frozen=True, slots=True)
class Periods:
    """Rows by bin in the current period and in the reference period; the same bins in both."""

    current: Mapping[str, int]
    reference: Mapping[str, int]


def periods(counts: Mapping[str, int], separator: str, current_days: int, reference_days: int) -> Periods:
    """Split counts by day and bin at the newest day.

    Args:
        counts: `<ISO day><separator><bin>` -> rows.
        separator: between day and bin.
        current_days: the newest days, the newest included.
        reference_days: the days before these.
    """
    split = [(key.partition(separator)[0], key.partition(separator)[2], rows) for key, rows in counts.items()]
    if not split:
        return Periods({}, {})
    last = date.fromisoformat(max(day for day, _, _ in split))
    begin = last - timedelta(days=current_days - 1)
    reference_begin = begin - timedelta(days=reference_days)
    current: dict[str, int] = {}
    reference: dict[str, int] = {}
    for day, one, rows in split:
        of_day = date.fromisoformat(day)
        if of_day >= begin:
            current[one] = current.get(one, 0) + rows
        elif of_day >= reference_begin:
            reference[one] = reference.get(one, 0) + rows
    bins = sorted(current.keys() | reference.keys())
    return Periods({one: current.get(one, 0) for one in bins}, {one: reference.get(one, 0) for one in bins})


def population_stability_index(found: Periods) -> float:
    """Sum over bins of (current - reference) * ln(current / reference), where both are shares.

    Below 0.1 is no change, above 0.25 a large one: the bounds that credit scoring uses (Siddiqi 2006).
    """
    current, reference = _shares(found.current), _shares(found.reference)
    return float(np.sum((current - reference) * np.log(current / reference)))


def chi_square(found: Periods) -> tuple[float, float]:
    """Pearson's test that both periods are samples of one distribution: statistic and p-value.

    A bin that is empty in both periods does not exist. With fewer than two bins the statistic is 0 and p is 1.
    """
    table = np.array([list(found.current.values()), list(found.reference.values())], dtype=float)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or (table.sum(axis=1) == 0).any():
        return 0.0, 1.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(np.sum((table - expected) ** 2 / expected))
    return statistic, chi_square_survival(statistic, table.shape[1] - 1)


def chi_square_survival(statistic: float, degrees: int) -> float:
    """P(X > statistic) of the chi-square distribution: the upper regularised gamma function Q(degrees/2, statistic/2).

    By the series below the mean and the continued fraction above it (Numerical Recipes, 6.2), so SciPy is not needed.
    """
    a, x = degrees / 2, statistic / 2
    if x <= 0:
        return 1.0
    scale = math.exp(-x + a * math.log(x) - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        for n in range(1, _GAMMA_ITERATIONS):
            term *= x / (a + n)
            total += term
            if term < total * 1e-15:
                break
        return max(0.0, 1 - total * scale)
    tiny = 1e-300
    b = x + 1 - a
    c, d = 1 / tiny, 1 / b
    h = d
    for n in range(1, _GAMMA_ITERATIONS):
        factor = -n * (n - a)
        b += 2
        d = 1 / _not_zero(factor * d + b, tiny)
        c = _not_zero(b + factor / c, tiny)
        step = d * c
        h *= step
        if abs(step - 1) < 1e-15:
            break
    return min(1.0, h * scale)


def _not_zero(value: float, tiny: float) -> float:
    return tiny if abs(value) < tiny else value


def _shares(counts: Mapping[str, int]) -> NDArray[np.float64]:
    rows = np.array(list(counts.values()), dtype=float)
    shares = rows / max(rows.sum(), 1.0)
    clipped: NDArray[np.float64] = np.maximum(shares, SMALLEST_SHARE)
    return clipped
