"""`shoplake quality anomalies`: hours of the lake that differ from the weeks before."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from shoplake.quality.anomalies.lake import LakeReport


def command(
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], metavar="DATE", help="First time to report, UTC."),
    ] = None,
    calendar: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="CSV with start and end of sales and holidays, whose traffic is expected."),
    ] = None,
    alarms_per_week: Annotated[
        float, typer.Option(min=0.001, max=1000, help="False alarms per week on average, over all series.")
    ] = 1.0,
    learning_days: Annotated[int, typer.Option(min=28, max=365, help="Days at the start that are only learned.")] = 28,
    time_zone: Annotated[str, typer.Option(metavar="ZONE", help="Time zone of most customers.")] = "UTC",
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
    environment: Annotated[str, typer.Option(help="Environment to use.")] = "local",
) -> None:
    """Show the hours of the lake whose counts, nulls, values, references, sums or prices differ from the weeks before.

    Example: shoplake quality anomalies --since 2026-11-01 --time-zone Europe/Berlin
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from shoplake.errors import UnknownName

    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UnknownName(f"there is no time zone '{time_zone}'", fix="name one as Europe/Berlin") from error

    from shoplake.environments import connect
    from shoplake.quality.anomalies import calendar as calendars
    from shoplake.quality.anomalies.lake import anomalies

    announced = calendars.read(calendar) if calendar else []
    found = anomalies(
        connect(environment, {"lake"}),
        since=int(since.replace(tzinfo=UTC).timestamp()) // 3600 if since else None,
        announced=announced,
        alarms_per_week=alarms_per_week,
        learning_days=learning_days,
        time_zone=time_zone,
    )
    if json:
        import json as jsonlib

        print(jsonlib.dumps(as_json(found, alarms_per_week)))
    else:
        _print(found, alarms_per_week)


def as_json(found: LakeReport, alarms_per_week: float) -> dict[str, Any]:
    """The alarms, with times as ISO 8601."""
    from shoplake.quality.anomalies.lake import time_of

    rows = [
        {
            **row,
            **{name: time_of(row[name]) for name in ("start", "first_end", "end")},
        }
        for row in found.alarms.iter_rows(named=True)
    ]
    return {
        "anomalies": rows,
        "series": found.series,
        "since": time_of(found.first),
        "until": time_of(found.end),
        "false_alarms_per_week": alarms_per_week,
    }


def _print(found: LakeReport, alarms_per_week: float) -> None:
    from shoplake.quality.anomalies.lake import time_of
    from shoplake.text_tables import print_rows

    rows = [
        (
            row["series"],
            time_of(row["start"]),
            time_of(row["end"]),
            f"{row['observed']:,.6g}",
            f"{row['expected']:,.6g}",
            round(row["score"], 2),
        )
        for row in found.alarms.iter_rows(named=True)
    ]
    if rows:
        print_rows(("series", "start", "end", "observed", "expected", "score"), rows)
    weeks = max(found.end - found.first, 0) / 168
    print(
        f"{len(rows)} {'anomaly' if len(rows) == 1 else 'anomalies'} in {found.series:,} series from"
        f" {time_of(found.first)} to {time_of(found.end)};"
        f" {weeks * alarms_per_week:.1f} at most are expected by chance"
    )
