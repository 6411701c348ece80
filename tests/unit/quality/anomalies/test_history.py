"""The hours of the lake that are tested, and the messages if there are none."""

import pytest

from shoplake.errors import HistoryTooShort, UsageError
from shoplake.quality.anomalies.lake import complete, first_tested, time_of
from shoplake.quality.anomalies.measure_sql import HOUR_MS

DAY_H = 24
FIRST = 500_000 // DAY_H * DAY_H


def test_the_first_part_of_a_day_and_the_newest_hour_are_left_out() -> None:
    earliest, latest = (FIRST + 5) * HOUR_MS, (FIRST + 60) * HOUR_MS + 1
    assert complete(earliest, latest) == (FIRST + DAY_H, FIRST + 60)
    assert complete(FIRST * HOUR_MS, latest) == (FIRST, FIRST + 60)


def test_the_first_hour_after_the_days_of_learning_is_tested() -> None:
    tested = FIRST + 28 * DAY_H
    assert first_tested(FIRST, tested + 1, 28, None) == tested
    assert first_tested(FIRST, tested + 9, 28, FIRST) == tested
    assert first_tested(FIRST, tested + 9, 28, tested + 3) == tested + 3


@pytest.mark.parametrize(("hours", "found"), [(-5, "found 0.0"), (60, "found 2.5"), (28 * DAY_H, "found 28.0")])
def test_a_short_history_is_refused_with_the_days_that_it_has(hours: int, found: str) -> None:
    with pytest.raises(HistoryTooShort, match=f"more than 28 full days .* {found}; no hour was tested") as refused:
        first_tested(FIRST, FIRST + hours, 28, None)
    assert "generate --days 35" in refused.value.fix


def test_fewer_days_of_learning_are_proposed_only_if_they_would_do() -> None:
    with pytest.raises(HistoryTooShort) as short:
        first_tested(FIRST, FIRST + 20 * DAY_H, 60, None)
    with pytest.raises(HistoryTooShort) as nearly:
        first_tested(FIRST, FIRST + 40 * DAY_H, 60, None)
    assert "--learning-days" not in short.value.fix
    assert "--learning-days 28" in nearly.value.fix


def test_a_start_after_the_newest_full_hour_is_refused() -> None:
    end = FIRST + 30 * DAY_H
    with pytest.raises(UsageError, match=f"before the end of the newest full hour, {time_of(end)}"):
        first_tested(FIRST, end, 28, end)
