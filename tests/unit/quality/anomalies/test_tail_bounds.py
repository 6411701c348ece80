"""Bounds of tail probabilities, against exact values."""

import math

import numpy as np
import pytest

from shoplake.quality.anomalies.budget import SHARES, threshold
from shoplake.quality.anomalies.tail_bounds import burst_exponent, count_exponent, mean_exponent
from shoplake.quality.anomalies.tempering import FROM_DAY, tempered

CERTAIN = 1e9


def poisson(count: int, mean: float) -> float:
    return math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))


def bound(count: float, mean: float, dispersion: float = 1.0, size: float = CERTAIN) -> float:
    exponent = count_exponent(np.array([count]), np.array([mean]), np.array([dispersion]), np.array([size]))
    return math.exp(-exponent[0])


@pytest.mark.parametrize(("count", "mean"), [(1, 0.001), (6, 0.5), (30, 10.0), (140, 100.0)])
def test_the_bound_of_an_upper_tail_is_above_the_exact_poisson_tail_and_not_far(count: int, mean: float) -> None:
    exact = sum(poisson(k, mean) for k in range(count, count + 300))
    assert exact <= bound(count, mean) <= 20 * exact


@pytest.mark.parametrize(("count", "mean"), [(0, 16.0), (2, 16.0), (70, 100.0)])
def test_the_bound_of_a_lower_tail_is_above_the_exact_poisson_tail_and_not_far(count: int, mean: float) -> None:
    exact = sum(poisson(k, mean) for k in range(count + 1))
    assert exact <= bound(count, mean) <= 20 * exact


def test_nothing_is_unlikely_about_the_mean() -> None:
    assert bound(7.0, 7.0) == 1


def test_a_mean_that_rests_on_few_events_makes_a_count_less_unlikely() -> None:
    assert bound(20, 5.0, size=3) > 100 * bound(20, 5.0)


def test_the_bound_holds_for_counts_whose_mean_is_drawn_from_a_gamma_distribution() -> None:
    rng = np.random.default_rng(5)
    drawn = rng.poisson(rng.gamma(4, 10 / 4, size=400_000))
    assert (drawn >= 40).mean() <= bound(40, 10.0, size=4)


def test_the_bound_holds_for_events_in_bursts() -> None:
    rng = np.random.default_rng(6)
    bursts = rng.poisson(2.0, size=200_000)
    drawn = rng.gamma(np.maximum(bursts, 1e-9), 5.0) * (bursts > 0)  # exponential sizes, mean 5
    exponent = burst_exponent(np.array([60.0]), np.array([10.0]), np.array([10.0]))[0]
    assert 0 < (drawn >= 60).mean() <= math.exp(-exponent)


def test_a_mean_five_standard_deviations_away_has_the_exponent_of_the_normal_distribution() -> None:
    assert mean_exponent(np.array([15.0]), np.array([10.0]), np.array([1.0]))[0] == 12.5


def test_the_thresholds_of_all_tests_add_up_to_the_stated_rate() -> None:
    tests = dict.fromkeys(SHARES, 12_345)
    expected = sum(count * math.exp(-threshold(family, count, 0.5)) for family, count in tests.items())
    assert expected == pytest.approx(0.5)


def test_exponents_of_a_series_with_heavier_tails_than_thought_are_scaled_down() -> None:
    rng = np.random.default_rng(7)
    fair = rng.exponential(size=(1, 24 * 60))  # of a test with the right tail
    both = tempered(np.concatenate([fair, 3 * fair]))
    late = slice(24 * (FROM_DAY + 20), None)
    assert (both[0, late] / fair[0, late]).mean() > 0.75
    assert both[1, late] == pytest.approx(both[0, late] * (both[1, late] / both[0, late]).max(), rel=0.8)
    assert both[1, late].max() < 1.3 * fair[0].max()
