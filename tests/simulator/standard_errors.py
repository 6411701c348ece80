"""How far what was counted is from what was asked, in standard errors: for shares, weights, means and counts alike.

All tolerances follow from the size of the sample. Where one number is compared, it is the usual z; where several are,
the chi-square is brought to the same scale (Wilson and Hilferty, 1931), so one limit serves all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

LIMIT = 4.0
"""A sound shop is beyond it once in 16,000 looks; the seed is fixed, so each version of the simulator is seen once."""


def of_shares(asked: Mapping[str, float], counted: Mapping[str, tuple[int, int]]) -> float:
    """Groups with a probability each, counted as (how often it happened, how often it could have): binomial."""
    if set(asked) != set(counted):
        return math.inf
    squares = []
    for group, share in asked.items():
        happened, tried = counted[group]
        variance = max(share * (1 - share), 1e-9) / tried
        squares.append((happened / tried - share) ** 2 / variance)
    return _scaled(sum(squares), len(squares))


def of_weights(asked: Mapping[str, float], counted: Mapping[str, int]) -> float:
    """How often each of some choices was made, which should be proportional to their weights: multinomial."""
    wanted = {choice: weight for choice, weight in asked.items() if weight > 0}
    if not set(counted) <= set(wanted):
        return math.inf
    scale = sum(counted.values()) / sum(wanted.values())
    squares = [(counted.get(choice, 0) - weight * scale) ** 2 / (weight * scale) for choice, weight in wanted.items()]
    return _scaled(sum(squares), len(squares) - 1)


def of_mean(asked: float, mean: float, deviation: float, n: int) -> float:
    """The mean of `n` numbers with a standard deviation of their own."""
    return abs(mean - asked) / (deviation / math.sqrt(n))


def of_count(asked: float, counted: int) -> float:
    """Something that happens any time, `asked` times on average: Poisson."""
    return abs(counted - asked) / math.sqrt(asked)


def of_zipf(asked: float, counts: Sequence[int]) -> float:
    """How often each of all products was chosen; demand falls with the rank to the power `asked`.

    The exponent with the highest likelihood, and its error from the Fisher information: the variance of the logarithm
    of a rank. Products are ranked by their counts, as their true ranks are nobody's to know.
    """
    ranked = sorted(counts, reverse=True)
    exponent = _fitted(ranked)
    weights = [rank**-exponent for rank in range(1, len(ranked) + 1)]
    logs = [math.log(rank) for rank in range(1, len(ranked) + 1)]
    mean = sum(w * x for w, x in zip(weights, logs, strict=True)) / sum(weights)
    variance = sum(w * (x - mean) ** 2 for w, x in zip(weights, logs, strict=True)) / sum(weights)
    return abs(exponent - asked) * math.sqrt(variance * sum(ranked))


def _fitted(ranked: Sequence[int]) -> float:
    """Solves: mean logarithm of the ranks under the exponent = mean logarithm of those counted. By bisection."""
    logs = [math.log(rank) for rank in range(1, len(ranked) + 1)]
    found = sum(n * x for n, x in zip(ranked, logs, strict=True)) / sum(ranked)
    low, high = 0.0, 5.0
    for _ in range(50):
        middle = (low + high) / 2
        weights = [math.exp(-middle * x) for x in logs]
        mean = sum(w * x for w, x in zip(weights, logs, strict=True)) / sum(weights)
        low, high = (middle, high) if mean > found else (low, middle)
    return low


def _scaled(chi_square: float, freedom: int) -> float:
    if freedom == 1:
        return math.sqrt(chi_square)
    spread = 2 / (9 * freedom)
    return ((chi_square / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
