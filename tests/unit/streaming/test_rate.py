"""How fast a count grows now."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shoplake.streaming.rate import WINDOW_S, Rate


def test_a_burst_counts_as_one_second() -> None:
    """Divided by the nanoseconds since the first record, 29,000 of them were 261 billion a second."""
    rate = Rate(100.0)
    rate.add(100.0 + 1e-7, 29_000)
    assert rate.per_s(100.0 + 2e-7) == 29_000


def test_a_steady_rate_is_measured_exactly() -> None:
    rate = Rate(0.0)
    for tick in range(1, 100):
        rate.add(tick / 2, tick * 50)
    assert rate.per_s(49.5) == 100


def test_the_rate_falls_to_zero_within_the_window() -> None:
    rate = Rate(0.0)
    for tick in range(1, 41):
        rate.add(tick / 2, tick * 50)
    assert rate.per_s(20.0) == 100
    assert 0 < rate.per_s(25.0) < 100
    assert rate.per_s(20.0 + WINDOW_S) == 0
    assert rate.per_s(10_000.0) == 0


def test_records_before_the_start_are_not_counted() -> None:
    rate = Rate(0.0, 1_000_000)
    rate.add(5.0, 1_000_010)
    assert rate.per_s(5.0) == 2


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 10**6)), max_size=50), st.floats(0, 100))
def test_the_rate_is_never_negative_or_above_the_input(steps: list[tuple[float, int]], later: float) -> None:
    rate, now, total = Rate(0.0), 0.0, 0
    for pause, more in steps:
        now, total = now + pause, total + more
        rate.add(now, total)
    assert 0 <= rate.per_s(now + later) <= total
