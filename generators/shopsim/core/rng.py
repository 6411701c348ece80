"""Random numbers and distributions in integer arithmetic.

Every random number is a 32-bit word of numpy's Philox, keyed by (seed, lane, period, purpose). Every distribution is a
table of integers: no floating-point function runs per event. So the output is the same on any processor and with any
release of numpy (whose own distributions may change). A table look-up is also faster than a logarithm.
"""

from __future__ import annotations

import enum
import hashlib
import math
from collections.abc import Callable, Iterable
from functools import cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

WORD = 2**32
"""Words are whole numbers from 0 to WORD - 1."""

_BINARY_SEARCH_MAX = 8  # up to so many weights, a binary search is as fast as the table
_KNOT_BITS = 10
_FRACTION_BITS = 32 - _KNOT_BITS


class Purpose(enum.IntEnum):
    """The purpose of a random stream. Drawing more numbers for one purpose does not change the others."""

    CATALOGUE = 1
    STOCK = 2
    CUSTOMERS = 3
    SESSIONS = 4
    BROWSING = 5
    CARTS = 6
    ORDERS = 7
    FULFILMENT = 8
    REVIEWS = 9


class WeightedChoice:
    """A choice by integer weights. Immutable.

    A table gives the first position that a number can belong to; few numbers need further steps. A choice among 10,000
    takes 8 ns; a binary search takes 50.
    """

    def __init__(self, totals: Ints) -> None:
        """`totals`: cumulative weights, the last below 2**31."""
        self.total = int(totals[-1])
        self._totals = totals
        self._shift = max(0, self.total.bit_length() - max(6, min(16, len(totals).bit_length() + 3)))
        marks = np.arange((self.total >> self._shift) + 1) << self._shift
        self._first = np.searchsorted(totals, marks, side="right")

    def at(self, number: Ints) -> Ints:
        """The position that each number from 0 to `total` - 1 belongs to."""
        if len(self._totals) <= _BINARY_SEARCH_MAX:
            return np.searchsorted(self._totals, number, side="right")
        position: Ints = self._first[number >> self._shift]
        further = np.flatnonzero(self._totals[position] <= number)
        while len(further):
            position[further] += 1
            further = further[self._totals[position[further]] <= number[further]]
        return position


class RandomStream:
    """The random words of one lane, period and purpose, in order. Lane -1 is the catalogue, which all lanes share."""

    def __init__(self, seed: int, lane: int, window: int, purpose: Purpose) -> None:
        stream = ((lane + 1) << 48) | (window << 8) | purpose
        self._philox = np.random.Philox(key=np.array([_hashed_seed(seed), stream], dtype=np.uint64))

    def words(self, n: int) -> Ints:
        """`n` independent words, int64."""
        raw: npt.NDArray[np.uint64] = self._philox.random_raw((n + 1) // 2)
        return raw.astype("<u8", copy=False).view("<u4")[:n].astype(np.int64)

    def chance(self, probability: float | Ints, n: int) -> Bools:
        """True with a probability: one number for all rows, or a `threshold` per row."""
        limit = threshold(probability) if isinstance(probability, float | int) else probability
        return self.words(n) < limit

    def below(self, limit: int | Ints, n: int) -> Ints:
        """Uniform whole numbers from 0 to `limit` - 1; `limit` below 2**31."""
        return (self.words(n) * limit) >> 32

    def between(self, low: int, high: int, n: int) -> Ints:
        """Uniform whole numbers from `low` to `high`, both included."""
        return low + self.below(high - low + 1, n)

    def pick(self, choice: WeightedChoice, n: int) -> Ints:
        """Random positions of a weighted choice, made by `weighted_choice`."""
        return choice.at(self.below(choice.total, n))

    def sample(self, quantiles: Ints, n: int) -> Ints:
        """Random values of a distribution, given by its quantiles, as `lognormal` and `exponential` return them."""
        return at_quantile(quantiles, self.words(n))

    def poisson(self, mean: float) -> int:
        """One Poisson number; for a mean of 50 or more by the normal approximation."""
        share = (int(self.words(1)[0]) + 0.5) / WORD
        if mean >= 50:
            return max(0, round(mean + math.sqrt(mean) * NormalDist().inv_cdf(share)))
        count, term = 0, math.exp(-mean)
        total = term
        while share > total and count < 500:
            count += 1
            term *= mean / count
            total += term
        return count


@cache
def _hashed_seed(seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"shopsim {seed}".encode()).digest()[:8], "big")


def threshold(probability: float) -> int:
    """The limit below which a random word means yes, for a probability."""
    return round(probability * WORD)


def weighted_choice(weights: Iterable[float]) -> WeightedChoice:
    """A choice by weights, scaled to integers with a sum of about 2**30."""
    values = [float(w) for w in weights]
    scale = 2**30 / sum(values)
    return WeightedChoice(np.cumsum(np.array([round(w * scale) for w in values], dtype=np.int64)))


def at_quantile(quantiles: Ints, words: Ints) -> Ints:
    """Linear interpolation between the two nearest quantiles."""
    knot = words >> _FRACTION_BITS
    low = quantiles[knot]
    value: Ints = low + (((quantiles[knot + 1] - low) * (words & (2**_FRACTION_BITS - 1))) >> _FRACTION_BITS)
    return value


@cache
def lognormal(median: float, spread: float, low: int, high: int) -> Ints:
    """Quantiles of a log-normal distribution, cut to [low, high]; `spread` is the logarithm's standard deviation."""
    normal = NormalDist()
    return _quantiles(lambda share: median * math.exp(spread * normal.inv_cdf(share)), low, high)


@cache
def exponential(mean: float, low: int, high: int) -> Ints:
    """Quantiles of an exponential distribution, limited to [low, high]."""
    return _quantiles(lambda share: -mean * math.log1p(-share), low, high)


def _quantiles(inverse: Callable[[float], float], low: int, high: int) -> Ints:
    knots = 2**_KNOT_BITS
    shares = (min(max(i / knots, 0.2 / knots), 1 - 0.2 / knots) for i in range(knots + 1))
    table = np.array([min(max(round(inverse(share)), low), high) for share in shares], dtype=np.int64)
    table.setflags(write=False)  # every lane shares it
    return table


def stable_order(times: Ints) -> Ints:
    """A stable `argsort` of times less than 2**48 apart. Sorting by 16 bits at a time is 5 times as fast."""
    if not len(times):
        return np.empty(0, dtype=np.int64)
    since = times - times.min()
    order: Ints = np.argsort(since.astype(np.uint16), kind="stable")
    for shift in range(16, int(since.max()).bit_length(), 16):
        order = order[np.argsort((since >> shift).astype(np.uint16)[order], kind="stable")]
    return order


def group_sums(groups: Ints, n: int, weights: Ints | None = None) -> Ints:
    """Number of rows per group, or the sum of integer weights per group; shape [n]."""
    sums = np.zeros(n, dtype=np.int64)
    np.add.at(sums, groups, 1 if weights is None else weights)
    return sums


def expand_counts(counts: Ints) -> tuple[Ints, Ints]:
    """Expand counts per group to rows: (group of each row, position of each row in its group)."""
    group = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    return group, np.arange(len(group)) - first[group]
