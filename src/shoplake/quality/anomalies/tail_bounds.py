"""Upper bounds of tail probabilities, as exponents: a tail is at most `exp(-exponent)`.

They are Chernoff bounds. They hold at any count, also where a normal approximation of a count is wrong by orders of
magnitude, and need no special functions.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


def count_exponent(count: Floats, mean: Floats, dispersion: Floats, size: Floats) -> Floats:
    """Exponent of the tail of a count beyond what was observed, on its own side of the mean. Arrays of one shape.

    A count in units of the dispersion is Poisson, and its mean has a gamma distribution of shape `size`. Together this
    is a negative binomial distribution, with the variance `dispersion * mean + mean ** 2 / size`. Its large-deviation
    rate is `x ln(x / m) - (x + r) ln((x + r) / (m + r))`.

    Args:
        count: observed, >= 0.
        mean: expected, > 0.
        dispersion: variance of the count in units of its mean, if the mean is known; > 0.
        size: number of events that the knowledge of the mean is worth, in units of the dispersion; > 0.

    Returns:
        Exponents >= 0, natural logarithm; 0 at the mean.
    """
    x, m, r = count / dispersion, mean / dispersion, size
    positive = np.maximum(x, 1e-300)
    rate = np.where(x > 0, x * np.log(positive / m), 0.0) - (x + r) * np.log((x + r) / (m + r))
    return np.maximum(rate, 0.0)


def burst_exponent(count: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """Exponent of the tail of a count of events that come in bursts; Poisson bursts, with exponential sizes.

    Bursts of mean size g give the dispersion `2 g` and the large-deviation rate `(sqrt(x) - sqrt(m)) ** 2 / g`. Near
    the mean it is the same as that of any count with this dispersion. Far above, it grows with x only, not with
    `x ln x`: 28 clicks in an hour that has none are one visitor.
    """
    return np.asarray(2 * (np.sqrt(count) - np.sqrt(mean)) ** 2 / dispersion, dtype=np.float64)


def mean_exponent(observed: Floats, expected: Floats, variance: Floats) -> Floats:
    """Exponent of the tail of a mean of many values, from the normal distribution: `z ** 2 / 2`."""
    return np.asarray((observed - expected) ** 2 / (2 * variance), dtype=np.float64)
