"""The runs of all jobs, and their OpenLineage events, in the schema `lineage` of Postgres."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.types.json import Jsonb

from shoplake import postgres_schemas, run_log
from shoplake.proc_stat import start_time
from shoplake.run_log import RunRecord

if TYPE_CHECKING:
    from shoplake.lineage.events import Events
    from shoplake.settings import Settings

SCHEMA_SQL = resources.files("shoplake.lineage").joinpath("schema.sql").read_text("utf-8")
KEEP_EVENTS = 100_000
"""Older events are deleted."""


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a job.

    Attributes:
        state: RUNNING without an end; else as it ended.
        seconds: how long it took, None while it runs.
        counts: as in the run log.
        positions: how far it has read the log, as JSON.
        error: first line of the error that ended it.
    """

    job: str
    run: str
    state: str
    started_at: dt.datetime
    seconds: float | None
    counts: dict[str, int]
    positions: dict[str, dict[str, int]]
    error: str


class History:
    """The schema `lineage` of one environment."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def add(self, records: Sequence[RunRecord], events: Events) -> int:
        """Add the records that are not there yet, and return their number."""
        known = set(self._connection.execute("SELECT run, state FROM lineage.events").fetchall())
        missing = [record for record in records if (record.run, record.state) not in known]
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO lineage.events VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [
                    (one.run, one.state, one.job, one.environment, _time(one.time_ms), Jsonb(events.of(one)))
                    for one in missing
                ],
            )
            cursor.execute(
                "DELETE FROM lineage.events WHERE at <"
                " (SELECT at FROM lineage.events ORDER BY at DESC OFFSET %s LIMIT 1)",
                [KEEP_EVENTS],
            )
        return len(missing)

    def runs(self, job: str = "", limit: int = 20) -> list[JobRun]:
        """The newest runs, newest first; of one job, if it is named."""
        rows = self._connection.execute(
            """
            SELECT s.job, s.run, coalesce(e.state, 'RUNNING'), s.at, extract(epoch FROM e.at - s.at)::float8,
                   coalesce(e.event -> 'run' -> 'facets', '{}')
            FROM lineage.events AS s LEFT JOIN lineage.events AS e ON e.run = s.run AND e.state <> 'START'
            WHERE s.state = 'START' AND (%(job)s = '' OR s.job = %(job)s)
            ORDER BY s.at DESC, s.job LIMIT %(limit)s
            """,
            {"job": job, "limit": limit},
        ).fetchall()
        return [_run(*row) for row in rows]

    def events(self, job: str = "", limit: int = 20) -> list[dict[str, Any]]:
        """The newest events, newest first."""
        return [
            event
            for (event,) in self._connection.execute(
                "SELECT event FROM lineage.events WHERE %(job)s = '' OR job = %(job)s ORDER BY at DESC LIMIT %(limit)s",
                {"job": job, "limit": limit},
            )
        ]

    def unsent(self, limit: int) -> list[tuple[str, str, dict[str, Any]]]:
        """Run, state and event of the oldest events that were not sent yet."""
        return self._connection.execute(
            "SELECT run, state, event FROM lineage.events WHERE sent_at IS NULL"
            " ORDER BY at, CASE state WHEN 'START' THEN 0 ELSE 1 END LIMIT %s",
            [limit],
        ).fetchall()

    def note_sent(self, run: str, state: str) -> None:
        """Note that an event was sent."""
        self._connection.execute(
            "UPDATE lineage.events SET sent_at = now() WHERE run = %s AND state = %s", [run, state]
        )


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[History]:
    """The history of an environment; the schema is made if it is not there.

    Raises:
        StoreUnavailable: Postgres does not answer, or refuses.
    """
    with postgres_schemas.opened(settings, "lineage", SCHEMA_SQL) as connection:
        yield History(connection)


def completed(records: Sequence[RunRecord], now_ms: int) -> list[RunRecord]:
    """The records with an end for each run whose process is gone: it was killed, and wrote none."""
    ended = {record.run for record in records if record.state != "START"}
    return [
        *records,
        *(
            RunRecord(
                state="ABORT",
                job=record.job,
                run=record.run,
                time_ms=now_ms,
                environment=record.environment,
                pid=record.pid,
                started=record.started,
                error="the process was killed",
            )
            for record in records
            if record.run not in ended and start_time(record.pid) != record.started
        ),
    ]


def log_of(environment: str, now_ms: int) -> list[RunRecord]:
    """The run log of this stack for one environment, with an end for each run that was killed."""
    return [one for one in completed(run_log.records(), now_ms) if one.environment == environment]


def _run(
    job: str, run: str, state: str, started_at: dt.datetime, seconds: float | None, facets: dict[str, Any]
) -> JobRun:
    return JobRun(
        job,
        run,
        state,
        started_at,
        seconds,
        counts=facets.get("shoplake_counts", {}).get("counts", {}),
        positions=facets.get("shoplake_positions", {}).get("positions", {}),
        error=facets.get("errorMessage", {}).get("message", ""),
    )


def _time(time_ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(time_ms / 1000, tz=dt.UTC)
