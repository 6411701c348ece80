"""The age of a dataset, from the places up to which it has read the log."""

from __future__ import annotations

import pytest

from shoplake.map.graph import Freshness
from shoplake.positions import Place, Positions
from shoplake.quality.freshness.ages import Age, _age, _complete, duration, oldest
from shoplake.quality.freshness.log_times import Times

FIRST, SECOND = Place("orders", 0), Place("orders", 1)
HOUR_MS = 3_600_000
NEWEST_MS = 100 * HOUR_MS
NOW_MS = 500 * HOUR_MS
TIMES = {
    (FIRST, 10): Times(newest_event_ms=98 * HOUR_MS),
    (FIRST, 4): Times(newest_event_ms=90 * HOUR_MS, waiting_since_ms=499 * HOUR_MS),
    (SECOND, 7): Times(newest_event_ms=97 * HOUR_MS),
    (SECOND, 0): Times(waiting_since_ms=450 * HOUR_MS),
}
DAY = Freshness(event_time_s=86_400, arrival_s=900)


def age(first: int, second: int, objective: Freshness = DAY) -> Age:
    at = Positions({FIRST: first, SECOND: second})
    return _age("postgres.orders", at, TIMES, NEWEST_MS, NOW_MS, objective, "commerce")


def test_event_time_is_counted_from_the_newest_event_of_the_log_not_by_the_clock() -> None:
    found = age(10, 7)
    assert (found.event_time_s, found.arrival_s) == (2 * 3600, 0.0)
    assert [one.outcome for one in found.results()] == ["passed", "passed"]


def test_arrival_is_how_long_the_oldest_missing_record_has_waited() -> None:
    found = age(4, 7)
    assert (found.event_time_s, found.arrival_s) == (3 * 3600, 3600)
    event, arrival = found.results()
    assert (event.outcome, arrival.outcome) == ("passed", "failed")
    assert arrival.detail == "1 h old, at most 15 min"
    assert (arrival.measure, arrival.owner, arrival.check) == (3600, "commerce", "freshness(arrival)")
    assert age(4, 0).arrival_s == 50 * 3600


def test_a_dataset_of_old_events_is_too_old() -> None:
    event, _ = age(4, 0, Freshness(event_time_s=9 * 3600, arrival_s=10**9)).results()
    assert (event.outcome, event.measure) == ("failed", 10 * 3600)


def test_only_what_has_an_objective_is_judged() -> None:
    assert [one.check for one in age(10, 7, Freshness(event_time_s=1)).results()] == ["freshness(event_time)"]
    assert age(10, 7, Freshness()).results() == []


def test_a_store_that_does_not_answer_is_unknown() -> None:
    found = Age("redis.stock", None, None, DAY, "logistics", Positions(), "redis did not answer")
    assert [(one.outcome, one.detail) for one in found.results()] == [("unknown", "redis did not answer")] * 2
    assert oldest([found]) is None
    assert oldest([found, age(10, 7), age(4, 7)]) == age(4, 7)


def test_a_partition_without_a_position_was_not_read() -> None:
    bounds = {FIRST: (2, 10), SECOND: (0, 7), Place("clicks", 0): (0, 5)}
    found = _complete(Positions({SECOND: 3}), frozenset({"orders"}), bounds)
    assert found == Positions({FIRST: 2, SECOND: 3})


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59, "59 s"), (900, "15 min"), (93_600, "26 h"), (302_400, "3.5 d")]
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text
