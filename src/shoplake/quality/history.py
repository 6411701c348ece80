"""The history of results and profiles: the schema `quality` of Postgres, made at its first use.

It is no migration of the sinks' schema: `shoplake rebuild postgres` and `verify` concern `shop` only, and the sinks
know nothing of checks (ADR 38).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.types.json import Jsonb

from shoplake import postgres_schemas
from shoplake.errors import UnknownName
from shoplake.positions import Positions
from shoplake.quality.results import Report, Result

if TYPE_CHECKING:
    from shoplake.settings import Settings

SCHEMA_SQL = resources.files("shoplake.quality").joinpath("schema.sql").read_text("utf-8")
KEEP_RUNS = 1_000
KEEP_PROFILES = 100
"""Of each dataset. Older runs and profiles are deleted."""
_COLUMNS = (
    "dataset",
    "check_name",
    "kind",
    "severity",
    "owner",
    "source",
    "what_to_do",
    "outcome",
    "measure",
    "rows",
    "failing",
    "detail",
    "failing_keys",
    "positions",
    "snapshot",
)


class History:
    """The schema `quality` of one environment."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def add(self, report: Report) -> None:
        """Store a run and delete the oldest, in one transaction."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO quality.runs VALUES (%s, %s, %s)", [report.run, report.started_at, report.seconds]
            )
            with cursor.copy(f"COPY quality.results (run, {', '.join(_COLUMNS)}) FROM STDIN") as rows:
                for result in report.results:
                    rows.write_row((report.run, *_row(result)))
            cursor.execute(
                "DELETE FROM quality.runs WHERE run IN"
                " (SELECT run FROM quality.runs ORDER BY started_at DESC, run DESC OFFSET %s)",
                [KEEP_RUNS],
            )

    def report(self, run: str = "") -> Report:
        """A run; the newest if no id is given. The beginning of an id is enough.

        Raises:
            UnknownName: there is no such run, or more than one.
        """
        found = self._connection.execute(
            "SELECT run, started_at, seconds FROM quality.runs WHERE starts_with(run, %s)"
            " ORDER BY started_at DESC, run DESC LIMIT 2",
            [run],
        ).fetchall()
        if not found:
            what = f"there is no run '{run}'" if run else "no checks have run yet"
            raise UnknownName(what, fix="`shoplake quality run` runs them; `shoplake quality show --runs` lists runs")
        if run and len(found) > 1:
            raise UnknownName(f"more than one run begins with '{run}'", fix="give more of the id")
        key, started_at, seconds = found[0]
        return Report(key, started_at, seconds, self._results(key))

    def of_dataset(self, dataset: str) -> Report | None:
        """The newest run that checked a dataset, with the results of this dataset only; None if there is none."""
        found = self._connection.execute(
            "SELECT run, started_at, seconds FROM quality.runs WHERE run IN"
            " (SELECT run FROM quality.results WHERE dataset = %s) ORDER BY started_at DESC, run DESC LIMIT 1",
            [dataset],
        ).fetchone()
        if not found:
            return None
        run, started_at, seconds = found
        return Report(run, started_at, seconds, self._results(run, dataset))

    def _results(self, run: str, dataset: str = "") -> list[Result]:
        """The results of a run, of one dataset or of all."""
        rows = self._connection.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM quality.results"  # noqa: S608
            " WHERE run = %(run)s AND %(dataset)s IN ('', dataset) ORDER BY dataset, check_name",
            {"run": run, "dataset": dataset},
        ).fetchall()
        return [_result(row) for row in rows]

    def runs(self, limit: int) -> list[tuple[str, datetime, float, dict[str, int]]]:
        """The newest runs: id, start, seconds, and number of results by outcome."""
        rows = self._connection.execute(
            "SELECT run, started_at, seconds, (SELECT coalesce(jsonb_object_agg(outcome, n), '{}') FROM"
            " (SELECT outcome, count(*) AS n FROM quality.results AS r WHERE r.run = runs.run GROUP BY outcome) AS c)"
            " FROM quality.runs ORDER BY started_at DESC, run DESC LIMIT %s",
            [limit],
        ).fetchall()
        return [(run, at, seconds, counts) for run, at, seconds, counts in rows]

    def measures(self, dataset: str, check: str) -> list[tuple[datetime, float | None, str]]:
        """The history of a check, oldest first: when it ran, what it measured, its outcome."""
        rows = self._connection.execute(
            "SELECT started_at, measure, outcome FROM quality.results JOIN quality.runs USING (run)"
            " WHERE dataset = %s AND check_name = %s ORDER BY started_at, run",
            [dataset, check],
        ).fetchall()
        return [(at, measure, outcome) for at, measure, outcome in rows]

    def add_profile(self, run: str, dataset: str, started_at: datetime, profile: dict[str, Any]) -> None:
        """Store a profile as JSON."""
        with self._connection.transaction():
            self._connection.execute(
                "INSERT INTO quality.profiles VALUES (%s, %s, %s, %s)", [run, dataset, started_at, Jsonb(profile)]
            )
            self._connection.execute(
                "DELETE FROM quality.profiles WHERE (dataset, run) IN (SELECT dataset, run FROM quality.profiles"
                " WHERE dataset = %s ORDER BY started_at DESC, run DESC OFFSET %s)",
                [dataset, KEEP_PROFILES],
            )

    def profiles(self, dataset: str, limit: int = 20) -> list[tuple[str, datetime, dict[str, Any]]]:
        """The newest profiles of a dataset, newest first."""
        return self._connection.execute(
            "SELECT run, started_at, profile FROM quality.profiles WHERE dataset = %s"
            " ORDER BY started_at DESC, run DESC LIMIT %s",
            [dataset, limit],
        ).fetchall()


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[History]:
    """The history of an environment; the schema is made if it is not there.

    Raises:
        StoreUnavailable: Postgres does not answer, or refuses.
    """
    with postgres_schemas.opened(settings, "quality", SCHEMA_SQL) as connection:
        yield History(connection)


def _row(result: Result) -> Sequence[object]:
    return (
        result.dataset,
        result.check,
        result.kind,
        result.severity,
        result.owner,
        result.source,
        result.what_to_do,
        result.outcome,
        result.measure,
        result.rows,
        result.failing,
        result.detail,
        list(result.failing_keys),
        Jsonb(json.loads(result.positions.as_json())),
        result.snapshot,
    )


def _result(row: Sequence[Any]) -> Result:
    named = dict(zip(_COLUMNS, row, strict=True))
    named["check"] = named.pop("check_name")
    named["failing_keys"] = tuple(named["failing_keys"])
    named["positions"] = Positions.parse(json.dumps(named["positions"]))
    return Result(**named)
