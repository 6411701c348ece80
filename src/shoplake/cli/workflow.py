"""`shoplake workflow`: run workflows, and look at their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shoplake.orchestration.registry import Registry, Workflow
    from shoplake.orchestration.runs import Run, StepRun

app = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a workflow.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, or its first characters.")]
Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON.")]
Environment = Annotated[str, typer.Option(help="Environment to use.")]


@app.callback()
def options() -> None:
    """Run workflows: steps with an order, retries, a time-out, and a record of each run in Postgres.

    Example: shoplake workflow run daily-close
    """


@app.command("list")
def listed(json: Json = False) -> None:
    """List all workflows. One that is not valid is shown with its error.

    Example: shoplake workflow list
    """
    from shoplake.orchestration import registry
    from shoplake.text_tables import print_rows

    found = registry.read()
    if json:
        _print_json({"workflows": _summaries(found)})
        return
    rows = [
        (one["workflow"], one.get("owner", ""), one.get("starts", ""), one.get("description", ""))
        if "error" not in one
        else (one["workflow"], "", "never", f"not valid: {one['error'].splitlines()[0]}")
        for one in _summaries(found)
    ]
    print_rows(("workflow", "owner", "starts", "description"), rows)


@app.command("show")
def show(name: Name, json: Json = False) -> None:
    """Show a workflow: its steps, parameters, retries and schedule.

    Example: shoplake workflow show daily-close
    """
    from shoplake.orchestration import registry
    from shoplake.text_tables import print_rows

    workflow = registry.read().get(name)
    described = _described(workflow)
    if json:
        _print_json(described)
        return
    for label in ("workflow", "description", "owner", "starts", "retries", "timeout", "partition", "tags", "folder"):
        if described[label]:
            print(f"{label:<12} {described[label]}")
    print()
    print_rows(("step", "after", "what it does"), [tuple(one.values()) for one in described["steps"]])
    if described["parameters"]:
        print()
        rows = [tuple(one.values()) for one in described["parameters"]]
        print_rows(("parameter", "type", "default", "description"), rows)


@app.command("run")
def run(
    name: Name,
    config: Annotated[
        list[str] | None,
        typer.Option("--config", metavar="NAME=VALUE", help="Value of a parameter; repeat it for several."),
    ] = None,
    resume: Annotated[
        str,
        typer.Option(metavar="RUN", help="Go on with a run that failed: steps that succeeded are not repeated."),
    ] = "",
    json: Json = False,
    environment: Environment = "local",
) -> None:
    """Run a workflow in this process, and wait for its end. Exits 1 if a step fails.

    Example: shoplake workflow run daily-close --config full_refresh=true
    """
    from shoplake.orchestration import registry, runs

    workflow = registry.read().get(name)
    done = runs.start(workflow, environment, _given(config or []), resume=resume)
    if json:
        _print_json(_as_json(done))
    else:
        _print_steps(done.steps)
        print(f"run {done.run} of {name} succeeded in {done.seconds:.1f} s")


@app.command("backfill")
def backfill(
    name: Name,
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="First day, such as 2026-08-01.")],
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="Last day. It has to be over, in UTC.")],
    config: Annotated[
        list[str] | None,
        typer.Option("--config", metavar="NAME=VALUE", help="Value of another parameter; repeat it for several."),
    ] = None,
    parallel: Annotated[int, typer.Option(min=1, max=8, help="Number of runs at once.")] = 2,
    again: Annotated[bool, typer.Option("--again", help="Also run days whose run has succeeded before.")] = False,
    json: Json = False,
    environment: Environment = "local",
) -> None:
    """Run a workflow once for each day of a range. Repeated, it runs only the days that did not succeed.

    Example: shoplake workflow backfill exchange-rates --from 2026-08-01 --to 2026-08-31 --config url=rates/{day}.csv
    """
    import datetime as dt

    from shoplake.orchestration import backfill as filling
    from shoplake.orchestration import registry
    from shoplake.terminal import counted, to_stderr

    workflow = registry.read().get(name)
    days = filling.days_between(first, last, dt.datetime.now(dt.UTC).date())
    wanted = filling.parameters_by_day(workflow, days, _given(config or []))
    done = filling.run(workflow, environment, wanted, repeat=again, at_once=parallel, say=to_stderr)
    if json:
        _print_json({"succeeded": done.succeeded, "skipped": done.skipped})
    else:
        print(f"{counted(len(done.succeeded), 'day')} succeeded, {len(done.skipped)} had before")


@app.command("status")
def status(run: RunId, json: Json = False, environment: Environment = "local") -> None:
    """Show a run with its steps: state, duration, attempts, result or error.

    Example: shoplake workflow status 1f0c2a7e
    """
    from shoplake.orchestration import runs

    found = runs.status(environment, run)
    if json:
        _print_json(_as_json(found))
        return
    facts = {
        "run": found.run,
        "workflow": found.workflow,
        "state": found.state,
        "started": f"{found.started_at:%Y-%m-%d %H:%M:%S} UTC",
        "seconds": "" if found.seconds is None else f"{found.seconds:.1f}",
        "parameters": ", ".join(f"{name}={value}" for name, value in found.parameters.items()),
        "resumes": found.resumed,
        "error": found.error,
    }
    for label, text in facts.items():
        if text:
            print(f"{label:<12} {text}")
    print()
    _print_steps(found.steps)


@app.command("cancel")
def cancel(run: RunId, environment: Environment = "local") -> None:
    """Stop a run as Ctrl-C does. Completed steps stay completed.

    Example: shoplake workflow cancel 1f0c2a7e
    """
    from shoplake.orchestration import runs

    found = runs.cancel(environment, run)
    print(f"run {found.run} of {found.workflow} was told to stop")


@app.command("history")
def history(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Name of a workflow. All if left out.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Number of runs.")] = 20,
    json: Json = False,
    environment: Environment = "local",
) -> None:
    """Show the newest runs, newest first. A run whose process was killed is shown as failed.

    Example: shoplake workflow history daily-close
    """
    from shoplake.orchestration import registry, runs
    from shoplake.text_tables import print_rows

    if name:
        found = registry.read()
        if name not in found.broken:
            found.get(name)
    newest = runs.history(environment, name, limit)
    if json:
        _print_json({"runs": [_as_json(one) for one in newest]})
        return
    rows = [
        (
            one.run[:8],
            one.workflow,
            one.state,
            f"{one.started_at:%Y-%m-%d %H:%M:%S}",
            "" if one.seconds is None else f"{one.seconds:.1f}",
            one.error,
        )
        for one in newest
    ]
    print_rows(("run", "workflow", "state", "started (UTC)", "seconds", "error"), rows)


@app.command("validate")
def validate(json: Json = False) -> None:
    """Check all workflows: names, config.yaml, workflow.py. Prints each error with file and line; exits 1 if any.

    Example: shoplake workflow validate
    """
    from shoplake.orchestration import registry
    from shoplake.terminal import counted

    found = registry.read()
    if json:
        _print_json({"valid": sorted(found.workflows), "errors": _errors(found)})
    else:
        for error in _errors(found).values():
            print(error)
        print(f"{counted(len(found.workflows), 'valid workflow')}, {len(found.broken)} not valid")
    if found.broken:
        raise typer.Exit(1)


@app.command("init")
def init(name: Name) -> None:
    """Make a workflow from the template. It is valid and runs at once.

    Example: shoplake workflow init my-source
    """
    from shoplake.orchestration import template

    folder = template.create(name)
    print(f"{folder}: edit config.yaml and workflow.py, then `shoplake workflow run {name}`")


def _given(options: list[str]) -> dict[str, str]:
    from shoplake.errors import UsageError

    found = {}
    for option in options:
        name, sign, value = option.partition("=")
        if not sign or not name:
            raise UsageError(f"--config: expected NAME=VALUE, found '{option}'", fix="for example --config days=7")
        found[name] = value
    return found


def _summaries(found: Registry) -> list[dict[str, Any]]:
    """A few facts of each workflow, by name; of one that is not valid, its error."""
    summaries: dict[str, dict[str, Any]] = {
        one.name: {
            "workflow": one.name,
            "owner": one.config.owner,
            "starts": _starts(one),
            "description": one.config.description,
        }
        for one in found.workflows.values()
    }
    summaries |= {name: {"workflow": name, "error": error} for name, error in _errors(found).items()}
    return [summaries[name] for name in sorted(summaries)]


def _errors(found: Registry) -> dict[str, str]:
    return {name: one.error.message for name, one in found.broken.items()}


def _starts(workflow: Workflow) -> str:
    if (trigger := workflow.config.trigger) is not None:
        return (
            f"after {trigger.after}" if trigger.after else f"on {trigger.when}, at most every {trigger.at_most_every}"
        )
    return workflow.config.schedule or "by hand"


def _described(workflow: Workflow) -> dict[str, Any]:
    config = workflow.config
    return {
        "workflow": workflow.name,
        "description": config.description,
        "owner": config.owner,
        "starts": _starts(workflow),
        "retries": f"{config.retries.attempts}, the first after {config.retries.delay}",
        "timeout": config.timeout,
        "partition": config.partition or "",
        "tags": ", ".join(config.tags),
        "folder": str(workflow.folder),
        "steps": [
            {"step": one.name, "after": ", ".join(before.name for before in one.after), "description": one.description}
            for one in workflow.steps
        ],
        "parameters": [
            {
                "parameter": name,
                "type": one.type,
                "default": "required" if one.default is None else str(one.default),
                "description": one.description,
            }
            for name, one in config.parameters.items()
        ],
    }


def _as_json(found: Run) -> Mapping[str, Any]:
    import dataclasses

    return dataclasses.asdict(found) | {"started_at": found.started_at.isoformat()}


def _print_steps(steps: tuple[StepRun, ...]) -> None:
    import json

    from shoplake.text_tables import print_rows

    rows = [
        (
            one.name,
            one.state,
            "" if one.seconds is None else f"{one.seconds:.1f}",
            one.attempts,
            one.error or (json.dumps(one.result, ensure_ascii=False) if one.result else ""),
        )
        for one in steps
    ]
    print_rows(("step", "state", "seconds", "attempts", "result"), rows)


def _print_json(document: Mapping[str, Any]) -> None:
    import json

    typer.echo(json.dumps(document, ensure_ascii=False, default=str))
