"""The false-alarm rate of the whole platform, and the thresholds of the single tests that keep it.

Let a test alarm if the bound of its tail probability is at most `a`. Then it alarms without a reason with probability
`a` at most, so n tests do so n * a times on average, however they depend on each other. The rate per week is divided
among the families of tests, and in a family among its series, hours, windows and both directions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

ALARMS_PER_WEEK = 1.0
"""False alarms per week on average, over all series."""
HOURS_PER_WEEK = 168
DIRECTIONS = 2

SHARES: Mapping[str, float] = {"count": 0.35, "share": 0.25, "mean": 0.15, "drift": 0.25}
"""Family of tests -> its part of the rate."""


def threshold(family: str, tests_per_week: int, alarms_per_week: float = ALARMS_PER_WEEK) -> float:
    """Exponent from which on a test alarms: the logarithm of the number of tests per permitted false alarm.

    Args:
        family: a key of `SHARES`.
        tests_per_week: of the whole family, with both directions.
        alarms_per_week: of the platform.
    """
    return math.log(max(tests_per_week, 1) / (alarms_per_week * SHARES[family]))
