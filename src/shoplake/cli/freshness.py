"""`shoplake freshness`: how old each dataset is, against its objective."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shoplake.quality.freshness.ages import Age


def command(
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
    environment: Annotated[str, typer.Option(help="Environment to use.")] = "local",
) -> None:
    """Show how old each dataset is, by event time and by arrival, and store the result. Exits 1 if one is too old.

    Event time is counted from the newest event in the log. Arrival is how long the oldest record that the dataset
    does not have yet has been in the log. Exits 3 if an age is unknown.

    Example: shoplake freshness --json
    """
    import json as jsonlib

    from shoplake.environments import connect
    from shoplake.quality import run as runs
    from shoplake.quality.freshness import ages
    from shoplake.quality.map_facts import facts_of
    from shoplake.quality.results import raise_if_not_passed
    from shoplake.terminal import to_stderr

    run = runs.Run()
    settings = connect(environment, ())
    found = ages.ages(settings, environment, facts_of({}), to_stderr)
    report = run.ended(settings, [one for age in found for one in age.results()], to_stderr)
    if json:
        print(jsonlib.dumps({"run": report.run, "datasets": [_as_json(one) for one in found]}, ensure_ascii=False))
    else:
        _print(found)
    raise_if_not_passed(report)


def _as_json(age: Age) -> dict[str, object]:
    import json

    return {
        "dataset": age.dataset,
        "owner": age.owner,
        "event_time_s": age.event_time_s,
        "arrival_s": age.arrival_s,
        "objective": {"event_time_s": age.objective.event_time_s, "arrival_s": age.objective.arrival_s},
        "outcome": outcome_of(age),
        "problem": age.problem,
        "positions": json.loads(age.positions.as_json()),
    }


def outcome_of(age: Age) -> str:
    """The worst outcome of a dataset's objectives."""
    outcomes = [result.outcome for result in age.results()]
    return next((one for one in ("failed", "unknown") if one in outcomes), "passed")


def _print(found: Sequence[Age]) -> None:
    from shoplake.quality.freshness.ages import duration
    from shoplake.text_tables import print_rows

    def shown(seconds: float | None) -> str:
        return "" if seconds is None else duration(seconds)

    rows = [
        (
            age.dataset,
            age.owner,
            shown(age.event_time_s),
            shown(age.objective.event_time_s),
            shown(age.arrival_s),
            shown(age.objective.arrival_s),
            age.problem or outcome_of(age),
        )
        for age in found
    ]
    columns = ("dataset", "owner", "event age", "at most", "waiting", "at most", "")
    print_rows(columns, rows)
