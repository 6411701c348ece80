"""Measures the tables of the lake, and looks for anomalies in all complete hours that they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from shoplake.contract import TOPICS
from shoplake.errors import HistoryTooShort, UsageError
from shoplake.quality.anomalies.detector import LEARNING_DAYS, Announced, detect
from shoplake.quality.anomalies.grid import DAY_H
from shoplake.quality.anomalies.measure_sql import HOUR_MS, Hours
from shoplake.quality.anomalies.measures import measures_of_tables
from shoplake.query import duckdb_session
from shoplake.query.result import Limits

if TYPE_CHECKING:
    from shoplake.settings import Settings

LEAST_LEARNING_DAYS = LEARNING_DAYS
"""The drift test has no reference in the first three weeks: each series would be an alarm."""
WEEK_DAYS = 7
FILL_THE_LAKE = "fill the lake first: `shoplake generate --days 60`, then `shoplake stream --until-caught-up`"


@dataclass(frozen=True, slots=True)
class LakeReport:
    """Anomalies of the lake.

    Attributes:
        alarms: columns of `alarms.ALARMS`.
        series: number of series that were tested.
        first, end: the hours that were tested, counted since 1970; `end` excluded.
    """

    alarms: pl.DataFrame
    series: int
    first: int
    end: int


def anomalies(
    settings: Settings,
    *,
    since: int | None = None,
    announced: Sequence[Announced] = (),
    alarms_per_week: float = 1.0,
    learning_days: int = LEARNING_DAYS,
    time_zone: str = "UTC",
    timeout_s: float = 600,
) -> LakeReport:
    """Look for anomalies in the lake.

    Args:
        settings: of the environment.
        since: alarms that end before this hour are left out; hours since 1970.
        announced: as for `detector.detect`.
        alarms_per_week: as for `detector.detect`.
        learning_days: as for `detector.detect`.
        time_zone: as for `detector.detect`.
        timeout_s: for a statement.

    Raises:
        StoreUnavailable: the lake does not answer.
        HistoryTooShort: a table is missing, no event is there, or no hours are left after the days of learning.
        UsageError: `since` is not before the end of the newest full hour.
    """
    with duckdb_session.opened(settings, Limits(timeout_s=timeout_s)) as session:
        session.attach_lake()
        present = {name for _, name in session.tables()}
        missing = [topic for topic in TOPICS if topic not in present]
        if missing:
            raise HistoryTooShort(
                f"expected a table {missing[0]} in the lake {settings.lake.warehouse}, found none", fix=FILL_THE_LAKE
            )
        times = " UNION ALL ".join(f'SELECT occurred_at_ms FROM lake."{topic}"' for topic in TOPICS)  # noqa: S608
        span = session.run(f"SELECT min(occurred_at_ms), max(occurred_at_ms) FROM ({times})")  # noqa: S608
        earliest, latest = span.rows[0]
        if earliest is None:
            raise HistoryTooShort("expected events in the lake, found none", fix=FILL_THE_LAKE)
        first, end = complete(earliest, latest)
        tested = first_tested(first, end, learning_days, since)
        measured = measures_of_tables(session, duckdb_session.LAKE, Hours(first, end))
    found = detect(
        measured,
        first,
        end,
        announced=announced,
        alarms_per_week=alarms_per_week,
        learning_days=learning_days,
        time_zone=time_zone,
    )
    return LakeReport(found.filter(pl.col("end") > tested), measured["series"].n_unique(), tested, end)


def complete(earliest_ms: int, latest_ms: int) -> tuple[int, int]:
    """The hours that the events cover completely, from the first full day on: first and end (excluded), since 1970.

    The newest hour is not over yet, and the first day may have begun before the first event.
    """
    return -(-(earliest_ms // HOUR_MS) // DAY_H) * DAY_H, latest_ms // HOUR_MS


def first_tested(first: int, end: int, learning_days: int, since: int | None) -> int:
    """The first hour to report, after the days of learning.

    Raises:
        HistoryTooShort: no hours are left after the days of learning.
        UsageError: `since` is not before the end.
    """
    tested = first + learning_days * DAY_H
    if end <= tested:
        days = max(end - first, 0) / DAY_H
        fewer = f", or learn from fewer days: --learning-days {LEAST_LEARNING_DAYS}"
        raise HistoryTooShort(
            f"expected more than {learning_days} full days of events to learn from, found {days:.1f};"
            " no hour was tested",
            fix=f"publish more (`shoplake generate --days {learning_days + WEEK_DAYS}`, then"
            f" `shoplake stream --until-caught-up`){fewer if days > LEAST_LEARNING_DAYS else ''}",
        )
    if since is not None and since >= end:
        raise UsageError(
            f"expected --since before the end of the newest full hour, {time_of(end)}, found {time_of(since)}",
            fix="name an earlier time",
        )
    return max(tested, since or tested)


def time_of(hour: int) -> str:
    """An hour since 1970 as ISO 8601, UTC."""
    return datetime.fromtimestamp(hour * 3600, UTC).strftime("%Y-%m-%dT%H:%MZ")
