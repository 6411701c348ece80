"""Randomness in whole numbers: right distributions, independent streams, exact tables."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopsim.core.frame_sort import sort_frame
from shopsim.core.records import LAYOUT, Pending
from shopsim.core.rng import (
    WORD,
    Purpose,
    RandomStream,
    WeightedChoice,
    at_quantile,
    expand_counts,
    exponential,
    group_sums,
    lognormal,
    stable_order,
    weighted_choice,
)


def draws(window: int = 0, purpose: Purpose = Purpose.CARTS) -> RandomStream:
    return RandomStream(7, 3, window, purpose)


def test_words_are_the_published_philox_whatever_the_machine():
    assert draws().words(3).tolist() == [2926333231, 3866873350, 1490715500]


def test_an_odd_number_of_words_is_a_prefix_of_more():
    assert draws().words(3).tolist() == draws().words(4)[:3].tolist()


@pytest.mark.parametrize(
    "other", [draws(window=1), draws(purpose=Purpose.ORDERS), RandomStream(8, 3, 0, Purpose.CARTS)]
)
def test_another_window_purpose_or_seed_is_another_stream(other):
    assert not np.array_equal(other.words(100), draws().words(100))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 1.0])
def test_chance_is_as_likely_as_asked(share):
    assert draws().chance(share, 100_000).mean() == pytest.approx(share, abs=0.005)


def test_pick_follows_the_weights_and_never_takes_a_zero():
    picked = np.bincount(draws().pick(weighted_choice([3, 0, 1]), 40_000), minlength=3) / 40_000
    assert picked == pytest.approx([0.75, 0, 0.25], abs=0.01)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60).filter(any), st.integers(0, 20))
def test_a_choice_gives_each_number_to_the_position_whose_weight_covers_it(weights, shift):
    totals = np.cumsum(np.array(weights, dtype=np.int64) << shift)
    numbers = np.unique(np.linspace(0, totals[-1] - 1, 500).astype(np.int64))
    assert WeightedChoice(totals).at(numbers).tolist() == np.searchsorted(totals, numbers, side="right").tolist()


@given(st.lists(st.integers(0, 2**34) | st.integers(0, 3), max_size=60))
def test_times_are_put_in_order_and_those_alike_stay_as_they_were(times):
    array = np.array(times, dtype=np.int64) + 1_700_000_000_000
    assert stable_order(array).tolist() == np.argsort(array, kind="stable").tolist()


@pytest.mark.parametrize("spread", [1, 2**20, 2**40])
@pytest.mark.parametrize("delayed", [False, True])
def test_rows_are_put_in_order_as_polars_does(spread, delayed):
    time = draws().words(300) % 50 * spread
    rows = pl.DataFrame({"a": time + delayed * (draws().words(300) % 3), "b": time, "c": draws().words(300) % 4})
    rows = rows.with_row_index("place")
    assert sort_frame(rows, ("a", "b", "c")).equals(rows.sort("a", "b", "c", maintain_order=True))


@pytest.mark.parametrize("mean", [0, 0.3, 4, 49, 51, 3_000])
def test_poisson_has_the_mean_asked(mean):
    numbers = [draws(window).poisson(mean) for window in range(1_000)]
    assert np.mean(numbers) == pytest.approx(mean, abs=4 * (mean / 1_000) ** 0.5 + 1e-9)


def test_lognormal_has_its_median_and_its_limits():
    values = draws().sample(lognormal(10_000, 0.8, 2_000, 60_000), 50_000)
    assert np.median(values) == pytest.approx(10_000, rel=0.03)
    assert (values.min(), values.max()) == (2_000, 60_000)


def test_exponential_has_its_mean():
    assert draws().sample(exponential(1_000_000, 0, 10**9), 50_000).mean() == pytest.approx(1_000_000, rel=0.03)


@given(st.integers(0, 2**40), st.integers(0, 2**40), st.integers(0, WORD - 1))
def test_a_quantile_lies_between_its_neighbours(low, height, word):
    table = low + height * np.arange(1025) // 1024
    knot = word >> 22
    value = at_quantile(table, np.array([word]))[0]
    assert table[knot] <= value <= table[knot + 1]


@given(st.lists(st.integers(0, 5), max_size=20))
def test_counts_spread_out_count_up_again(counts):
    group, position = expand_counts(np.array(counts, dtype=np.int64))
    assert group_sums(group, len(counts)).tolist() == counts
    assert position.tolist() == [i for n in counts for i in range(n)]


@given(st.lists(st.integers(0, 1_000), max_size=60), st.lists(st.integers(0, 1_000), max_size=5))
def test_pending_gives_each_record_once_in_the_window_that_it_falls_in(times, ends):
    pending, taken, start = Pending(), [], 0
    pending.add("customer_reactivated", np.array(times, dtype=np.int64), customer_id=np.arange(len(times)))
    for end in [*sorted(ends), 2_000]:
        records = pending.take(end).get("customer_reactivated", np.empty((len(LAYOUT["customer_reactivated"]), 0)))
        assert ((records[0] >= start) & (records[0] < end)).all()
        taken += records[1].astype(int).tolist()
        start = end
    assert sorted(taken) == list(range(len(times)))


def test_a_field_that_a_record_does_not_have_is_refused():
    with pytest.raises(TypeError, match="no fields"):
        Pending().add("customer_reactivated", np.array([1]), customer_id=1, shoe_size=44)
