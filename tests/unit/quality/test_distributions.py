"""Reference values are worked out here, by hand or from closed forms, so that no other library is needed."""

from __future__ import annotations

import math

import pytest

from shoplake.quality.distributions import (
    SMALLEST_SHARE,
    Periods,
    chi_square,
    chi_square_survival,
    periods,
    population_stability_index,
)


def test_the_index_is_the_sum_over_bins() -> None:
    """Shares 0.5, 0.3, 0.2 against 0.4, 0.4, 0.2: 0.1 ln 1.25 - 0.1 ln 0.75 + 0 = 0.0223144 + 0.0287682."""
    found = Periods({"a": 50, "b": 30, "c": 20}, {"a": 400, "b": 400, "c": 200})
    assert population_stability_index(found) == pytest.approx(0.0223144 + 0.0287682, abs=1e-7)


def test_equal_shares_have_no_index_whatever_the_number_of_rows() -> None:
    assert population_stability_index(Periods({"a": 3, "b": 1}, {"a": 300, "b": 100})) == 0


def test_a_bin_that_is_empty_on_one_side_counts_as_a_small_share() -> None:
    found = population_stability_index(Periods({"a": 90, "b": 10}, {"a": 100, "b": 0}))
    expected = -0.1 * math.log(0.9) + (0.1 - SMALLEST_SHARE) * math.log(0.1 / SMALLEST_SHARE)
    assert found == pytest.approx(expected)


def test_chi_square_of_a_table() -> None:
    """Rows 10, 20 and 20, 10: every expected count is 15, so 4 * 25 / 15; p of one degree is erfc(sqrt(x / 2))."""
    statistic, p = chi_square(Periods({"a": 10, "b": 20}, {"a": 20, "b": 10}))
    assert statistic == pytest.approx(100 / 15)
    assert p == pytest.approx(math.erfc(math.sqrt(100 / 15 / 2)), rel=1e-12)


def test_chi_square_without_two_bins_or_without_rows_says_nothing() -> None:
    assert chi_square(Periods({"a": 5}, {"a": 9})) == (0.0, 1.0)
    assert chi_square(Periods({"a": 5, "b": 1}, {"a": 0, "b": 0})) == (0.0, 1.0)
    assert chi_square(Periods({}, {})) == (0.0, 1.0)


@pytest.mark.parametrize("statistic", [0.01, 0.5, 1.0, 3.0, 5.99, 10.0, 40.0, 300.0])
def test_survival_has_its_closed_forms(statistic: float) -> None:
    """Of 1, 2, 3 and 4 degrees of freedom; both branches of the algorithm."""
    half = statistic / 2
    assert chi_square_survival(statistic, 1) == pytest.approx(math.erfc(math.sqrt(half)), rel=1e-9)
    assert chi_square_survival(statistic, 2) == pytest.approx(math.exp(-half), rel=1e-9)
    three = math.erfc(math.sqrt(half)) + math.sqrt(2 * statistic / math.pi) * math.exp(-half)
    assert chi_square_survival(statistic, 3) == pytest.approx(three, rel=1e-9)
    assert chi_square_survival(statistic, 4) == pytest.approx((1 + half) * math.exp(-half), rel=1e-9)
    assert chi_square_survival(0, 3) == 1


def test_periods_are_counted_back_from_the_newest_day() -> None:
    counts = {"2026-09-30|x": 1, "2026-09-24|x": 2, "2026-09-23|x": 4, "2026-09-21|y|z": 8, "2026-09-20|x": 16}
    found = periods(counts, "|", current_days=7, reference_days=3)
    assert found == Periods({"x": 3, "y|z": 0}, {"x": 4, "y|z": 8})
    assert periods({}, "|", 7, 3) == Periods({}, {})
