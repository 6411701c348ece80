"""The detector on synthetic series whose anomalies are known."""

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from shoplake.quality.anomalies import SCHEMA, Announced, detect
from shoplake.quality.anomalies.detector import hits

FIRST = 500_000 // 24 * 24
DAYS = 56
HOURS = DAYS * 24
FAULT = 40 * 24 + 12
"""Hour of the series at which a fault begins."""
DAY = 1 + 0.8 * np.sin(2 * np.pi * (np.arange(HOURS) % 24) / 24)
WEEK = np.where(np.arange(HOURS) // 24 % 7 >= 5, 1.4, 1.0)
Values = npt.NDArray[np.float64]


def frame(name: str, value: Values, weight: Values | None = None) -> pl.DataFrame:
    """A series as measures."""
    hours = FIRST + np.arange(len(value))
    columns = {
        "series": [name] * len(value),
        "kind": [name.partition(":")[0]] * len(value),
        "hour": hours,
        "value": value.astype(float),
        "weight": np.ones(len(value)) if weight is None else weight.astype(float),
    }
    return pl.DataFrame(columns, schema=SCHEMA)


def counts(mean: float, seed: int, fault: tuple[slice, float] | None = None) -> Values:
    """Poisson counts with a daily and a weekly season, times a factor in some hours."""
    rate = mean * DAY * WEEK
    if fault:
        rate[fault[0]] *= fault[1]
    return np.random.default_rng(seed).poisson(rate).astype(float)


def found(measured: pl.DataFrame, announced: tuple[Announced, ...] = ()) -> pl.DataFrame:
    return detect(measured, FIRST, FIRST + HOURS, announced=announced)


def first_delay(alarms: pl.DataFrame) -> int:
    return int(alarms["first_end"].min()) - FIRST - FAULT  # type: ignore[arg-type]


@pytest.mark.parametrize("mean", [0.02, 0.5, 30, 3000])
def test_weeks_without_a_fault_are_silent_at_any_volume(mean: float) -> None:
    measured = pl.concat([frame(f"rows:{kind}", counts(mean, seed)) for seed, kind in enumerate(("clicks", "orders"))])
    assert found(measured).height == 0


def test_alarms_of_many_series_are_within_the_stated_rate_and_more_are_let_through_at_a_higher_one() -> None:
    rng = np.random.default_rng(11)
    weeks = (DAYS - 28) / 7
    series = [counts(mean, seed) for seed, mean in enumerate(10 ** rng.uniform(-1, 3, 60))]
    measured = pl.concat([frame(f"rows:clicks{number}", one) for number, one in enumerate(series)])
    assert detect(measured, FIRST, FIRST + HOURS, alarms_per_week=1).height <= weeks
    many = detect(measured, FIRST, FIRST + HOURS, alarms_per_week=1000).height
    assert 0 < many <= 1000 * weeks


def test_a_series_that_stops_is_found_within_the_hours_in_which_it_would_have_had_some_twenty_events() -> None:
    alarms = found(frame("rows:orders", counts(5, 1, (slice(FAULT, FAULT + 24), 0.0))))
    assert alarms.height == 1
    assert 0 < first_delay(alarms) <= 8
    assert alarms["observed"][0] < 0.2 * alarms["expected"][0]


def test_a_doubled_series_is_found() -> None:
    alarms = found(frame("rows:clicks", counts(200, 2, (slice(FAULT, FAULT + 6), 2.0))))
    assert alarms["kind"].to_list() == ["rows"]
    assert first_delay(alarms) <= 2


def test_a_third_missing_for_two_hours_is_found_in_a_series_of_enough_events_and_not_in_a_small_one() -> None:
    fault = (slice(FAULT, FAULT + 2), 0.65)
    assert found(frame("rows:clicks", counts(30, 3, fault))).height == 0
    large = found(frame("rows:clicks", counts(3000, 3, fault)))
    assert large["kind"].to_list() == ["rows"]
    assert first_delay(large) <= 2


def test_a_shop_that_grows_is_no_anomaly() -> None:
    growth = np.exp(0.01 * np.arange(HOURS) / 24)
    value = np.random.default_rng(4).poisson(200 * DAY * WEEK * growth).astype(float)
    assert found(frame("rows:clicks", value)).height == 0


def test_announced_hours_are_neither_tested_nor_learned() -> None:
    sale = (slice(FAULT, FAULT + 48), 3.0)
    measured = frame("rows:clicks", counts(200, 5, sale))
    assert found(measured).height > 0
    assert found(measured, (Announced(FIRST + FAULT, FIRST + FAULT + 48),)).height == 0


def test_the_first_rows_with_what_never_happened_are_found() -> None:
    weight = counts(20, 6)
    value = np.zeros(HOURS)
    value[FAULT] = 3
    alarms = found(frame("orphans:order.session", value, weight))
    assert first_delay(alarms) == 1
    assert alarms["observed"][0] == 3


@pytest.mark.parametrize("usual", [0.0, 0.2])
def test_an_incident_does_not_hide_the_next_one_of_the_same_size(usual: float) -> None:
    """Once it had entered the variance of the share, five of six were not seen."""
    weight = counts(400, 20)
    value = np.random.default_rng(21).poisson(usual * DAY).astype(float)
    starts = [FAULT + 48 * number for number in range(6)]
    for start in starts:
        value[start : start + 6] += 8.0
    measured = hits(frame("unknown:orders", value, weight), FIRST, FIRST + HOURS)
    # The window of a week stays beyond its limit for a week.
    short = measured.filter(pl.col("end") - pl.col("start") < 6)
    ends = (short["end"] - FIRST).to_list()
    assert [any(start < end <= start + 7 for end in ends) for start in starts] == [True] * 6


def test_a_tenth_missing_for_two_hours_is_found_by_the_sessions_without_a_start_at_the_volume_of_the_demo() -> None:
    rng = np.random.default_rng(20)
    sessions = counts(60, 20)
    without_start = np.zeros(HOURS)
    without_start[FAULT : FAULT + 2] = rng.binomial(sessions[FAULT : FAULT + 2].astype(int), 0.1)
    alarms = found(frame("orphans:click.session", without_start, sessions))
    assert first_delay(alarms) <= 2


def test_a_share_that_most_rows_have_is_tested_by_those_that_lack_it() -> None:
    weight = counts(100, 7)
    value = np.random.default_rng(7).binomial(weight.astype(int), 0.97).astype(float)
    value[FAULT : FAULT + 3] = 0.5 * weight[FAULT : FAULT + 3]
    alarms = found(frame("nulls:session_started.campaign", value, weight))
    assert first_delay(alarms) == 1
    assert alarms["observed"][0] < 0.7 * alarms["expected"][0]


def test_a_mean_that_moves_is_found() -> None:
    weight = counts(20, 8)
    noise = np.random.default_rng(8).normal(size=HOURS) / np.sqrt(np.maximum(weight, 1))
    value = 9 + noise
    value[FAULT : FAULT + 3] += np.log(100)
    alarms = found(frame("log_mean:order_placed.total_cents[EUR]", value, weight))
    assert first_delay(alarms) == 1
    assert alarms["expected"][0] == pytest.approx(9, abs=0.3)


def test_a_rate_that_drifts_slowly_is_found_by_the_cumulative_sum_only() -> None:
    rng = np.random.default_rng(9)
    delivered = rng.poisson(10.0, HOURS).astype(float)
    ramp = np.clip((np.arange(HOURS) - 35 * 24) / (14 * 24), 0, 1)
    returned = rng.poisson(0.8 * (1 + ramp)).astype(float)
    measured = pl.concat([frame("rows:order_delivered", delivered), frame("rows:order_returned", returned)])
    alarms = found(measured)
    assert alarms.filter(pl.col("kind") == "drift")["series"].to_list() == ["delayed:returns"]
    steady = pl.concat(
        [frame("rows:order_delivered", delivered), frame("rows:order_returned", rng.poisson(0.8, HOURS))]
    )
    assert found(steady).height == 0


def test_times_that_move_by_two_hours_move_the_mean_hour_of_the_day() -> None:
    value = counts(200, 10)
    value[FAULT:] = np.roll(value, 2)[FAULT:]
    alarms = found(frame("rows:session_started", value))
    moved = alarms.filter(pl.col("kind") == "hour_of_day")
    assert moved["observed"][0] - moved["expected"][0] == pytest.approx(2, abs=0.7)


def test_hours_of_a_day_that_is_not_over_are_tested_and_later_ones_are_not_missed() -> None:
    value = counts(200, 12)
    value[FAULT] = 0
    until = FIRST + FAULT + 1
    measured = frame("rows:clicks", value).filter(pl.col("hour") < until)
    alarms = detect(measured, FIRST, until)
    assert alarms["end"].to_list() == [until]


def test_a_history_has_to_begin_with_a_day() -> None:
    with pytest.raises(ValueError, match="first hour of a day, found hour 3"):
        detect(frame("rows:clicks", counts(1, 13)), FIRST + 3, FIRST + HOURS)
