from __future__ import annotations

import pytest

from shoplake.bench.results import (
    PUBLISH,
    READ,
    Measure,
    Measured,
    Sample,
    beside_reading,
    spread,
    spread_or_none,
    sum_of_costs,
)
from shoplake.sinks import SINKS


def measured(name: str, *pairs: tuple[float, float | None], events: int = 1000, servers_s: float = 0.0) -> Measured:
    """A stage whose runs took so many seconds, of wall clock and of CPU alike, ours and the limit's."""
    samples = [
        Sample(
            Measure(events, ours, ours, servers_cpu_s=servers_s),
            None if limit is None else Measure(events, limit, limit),
        )
        for ours, limit in pairs
    ]
    return Measured(name, tuple(samples))


def test_a_spread_has_the_middle_and_both_ends() -> None:
    found = spread([3.0, 1.0, 10.0])
    assert (found.median, found.min, found.max) == (3.0, 1.0, 10.0)


def test_of_an_even_number_the_median_is_between_the_two_in_the_middle() -> None:
    assert spread([1.0, 2.0, 4.0, 8.0]).median == 3.0


def test_there_is_no_spread_where_a_value_is_missing() -> None:
    assert spread_or_none([1.0, None]) is None
    assert spread_or_none([]) is None


def test_a_ratio_is_our_share_of_the_limits_rate() -> None:
    found = measured("read", (2.0, 1.0))
    assert found.ratio is not None
    assert found.ratio.median == pytest.approx(0.5)
    assert found.rate.median == pytest.approx(500)
    assert found.limit_rate is not None
    assert found.limit_rate.median == pytest.approx(1000)


def test_ratios_are_taken_run_by_run() -> None:
    # The machine was twice as slow in the second run, for both: the ratio of the medians would be another.
    found = measured("read", (2.0, 1.0), (4.0, 2.0), (1.0, 0.9))
    assert found.ratio is not None
    assert (found.ratio.min, found.ratio.median, found.ratio.max) == pytest.approx((0.5, 0.5, 0.9))


def test_without_a_limit_there_is_no_ratio() -> None:
    assert measured("latency", (2.0, None)).ratio is None


def test_nothing_that_took_no_time_divides_by_it() -> None:
    assert Measure(0, 0.0, 0.0).rate == 0
    assert Measure(0, 0.0, 0.0).cost_s == 0
    assert Sample(Measure(1, 1.0, 1.0), Measure(1, 0.0, 0.0)).ratio is None


def test_other_figures_have_spreads_too() -> None:
    samples = [Sample(Measure(1, 1.0, 1.0).with_figures(p50_s=value)) for value in (0.3, 0.1, 0.2)]
    assert Measured("latency", tuple(samples)).figures["p50_s"] == spread([0.1, 0.2, 0.3])


def test_a_sink_is_held_against_bare_reading_and_bare_writing_together_too() -> None:
    reading, writing = measured(READ, (4.0, 2.0), (4.0, 2.0)), measured("redis", (5.0, 0.5))
    found = beside_reading(writing.samples[0], reading)
    assert found.ours.figures == pytest.approx({"of_bare_reading_and_writing": (2 + 0.5) / 5})
    assert found.limit == writing.samples[0].limit


def test_there_is_no_such_figure_where_nothing_bare_was_read() -> None:
    sample = measured("redis", (5.0, 0.5)).samples[0]
    assert beside_reading(sample, measured(READ, (4.0, None))) == sample


def test_the_parts_costs_add_up_to_the_limit_of_the_whole_and_a_sink_counts_for_its_share_of_the_events() -> None:
    done = {name: measured(name, (2.0, None), events=500, servers_s=1.0) for name in SINKS}
    done[PUBLISH] = measured(PUBLISH, (4.0, None), events=1000, servers_s=2.0)
    found = sum_of_costs(done, 1000, cores=2)
    assert found is not None
    # Publishing costs 4 s and 2 s of the servers; each sink reads half of the events, and costs 2 s and 1 s.
    assert found.cpu_s == pytest.approx(4 + 5 * 2)
    assert found.servers_cpu_s == pytest.approx(2 + 5 * 1)
    assert found.wall_s == pytest.approx((14 + 7) / 2)


def test_the_whole_has_no_limit_where_a_part_was_not_measured() -> None:
    assert sum_of_costs({PUBLISH: measured(PUBLISH, (1.0, None))}, 1000, cores=2) is None
