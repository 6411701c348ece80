"""`shoplake catalog runs`: the runs of all jobs, from the history of lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

CHECKS, WORKFLOW = ("quality", "verify"), "workflow-"
"""Jobs that write to no dataset themselves, so they are not on the map: the checks, and workflows by their prefix."""

if TYPE_CHECKING:
    from shoplake.lineage.history import JobRun


def command(
    job: Annotated[str, typer.Option(help="Only runs of this job, such as sink-postgres.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Number of runs.")] = 20,
    events: Annotated[bool, typer.Option("--events", help="Print the OpenLineage events, one per line.")] = False,
    environment: Annotated[str, typer.Option(help="Environment to use.")] = "local",
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Show the newest runs of jobs: when, how long, with what result, and how many events.

    With SHOPLAKE_OPENLINEAGE_URL, it also sends the events that are not sent yet.

    Example: shoplake catalog runs --job warehouse
    """
    import dataclasses
    import json as jsonlib

    from shoplake import environments
    from shoplake.lineage import history, sending
    from shoplake.map import names, project
    from shoplake.text_tables import print_rows

    if job and job not in CHECKS and not job.startswith(WORKFLOW):
        job = names.dataset(project.graph(), f"jobs.{job.removeprefix('jobs.')}").name
    done = sending.synchronise(environment)
    with history.opened(environments.connect(environment, {"postgres"})) as kept:
        if events:
            for event in kept.events(job, limit):
                typer.echo(jsonlib.dumps(event))
            return
        runs = kept.runs(job, limit)
    if json:
        found = [dataclasses.asdict(run) | {"started_at": run.started_at.isoformat()} for run in runs]
        typer.echo(jsonlib.dumps({"runs": found, "sent": done.sent}))
        return
    print_rows(("job", "state", "started", "seconds", "events", "error"), [_row(run) for run in runs])
    if done.sent:
        typer.echo(f"sent {done.sent} events")


def _row(run: JobRun) -> tuple[object, ...]:
    seconds = "" if run.seconds is None else f"{run.seconds:.1f}"
    return run.job, run.state, f"{run.started_at:%Y-%m-%d %H:%M:%S}", seconds, run.counts.get("events", ""), run.error
