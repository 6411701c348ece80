"""`shoplake quality`: run the checks of all datasets, and show their results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from shoplake.quality.results import Report

app = typer.Typer(no_args_is_help=True)
Environment = Annotated[str, typer.Option(help="Environment to use.")]
Checks = Annotated[
    list[Path] | None,
    typer.Option("--checks", metavar="DIR", help="Folder with files of checks of your own, besides the shipped ones."),
]
Datasets = Annotated[
    list[str] | None,
    typer.Option(
        "--dataset", metavar="NAME", help="Full or unique short name; repeat it for several. All if left out."
    ),
]
Severity = Annotated[str, typer.Option(metavar="warn|error", help="Only checks of this severity. Both if empty.")]


@app.callback()
def options() -> None:
    """Check the datasets of all stores, and show what earlier runs have found."""


@app.command("run")
def run(
    dataset: Datasets = None,
    severity: Severity = "",
    checks: Checks = None,
    dbt: Annotated[
        bool, typer.Option("--dbt", help="Let dbt run its tests first; else those of its last run count.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON with all results.")] = False,
    environment: Environment = "local",
) -> None:
    """Run the checks, and store the results. Exits 1 if one failed, else 3 if a dataset could not be read.

    Example: shoplake quality run --dataset postgres.orders --json
    """
    import json as jsonlib

    from shoplake import run_log
    from shoplake.environments import connect
    from shoplake.errors import UnknownName
    from shoplake.quality import dbt_tests
    from shoplake.quality import run as runs
    from shoplake.quality.map_facts import facts_of
    from shoplake.quality.results import raise_if_not_passed
    from shoplake.terminal import to_stderr

    run = runs.Run()
    found = runs.collected(checks or ())
    only = _severity(severity)
    facts = facts_of(found.keys, [check.dataset for check in found.checks])
    names = {facts.full_name(name) for name in dataset or ()}
    settings = connect(environment, ())
    if dbt:
        dbt_tests.run(environment, to_stderr)
    wanted = runs.chosen(found.checks, names, only)
    if not names:
        wanted = runs.without_warehouse(wanted, environment)
    with run_log.recording("quality", environment=environment) as recorded:
        results = runs.evaluated(settings, environment, wanted, facts, to_stderr)
        results += runs.evaluated_by_dbt(environment, facts, names, only, to_stderr)
        if not results:
            raise UnknownName(
                f"there are no such checks of {', '.join(names)}", fix="`shoplake quality list` lists all"
            )
        report = run.ended(settings, results, to_stderr)
        recorded["quality"].counts, recorded["quality"].checks = report.counts, report.outcomes
    if json:
        print(jsonlib.dumps(report.as_json(), ensure_ascii=False))
    else:
        _print(report)
    raise_if_not_passed(report)


@app.command("list")
def listed(
    dataset: Datasets = None,
    checks: Checks = None,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """List the checks that are declared or follow from the contract, without running them.

    Example: shoplake quality list --dataset postgres.orders
    """
    import json as jsonlib

    from shoplake.quality import run as runs
    from shoplake.quality.map_facts import facts_of
    from shoplake.quality.rules import loading
    from shoplake.text_tables import print_rows

    found = runs.collected(checks or ())
    facts = facts_of(found.keys, [check.dataset for check in found.checks])
    names = {facts.full_name(name) for name in dataset or ()}
    rows = [
        (
            one.dataset,
            one.name,
            one.kind,
            one.rule.severity,
            loading.with_owner(one, facts.owner(one.dataset)).owner,
            one.source,
        )
        for one in runs.chosen(found.checks, names, None)
    ]
    columns = ("dataset", "check", "kind", "severity", "owner", "source")
    if json:
        print(jsonlib.dumps({"checks": [dict(zip(columns, row, strict=True)) for row in rows]}, ensure_ascii=False))
    else:
        print_rows(columns, rows)


@app.command("show")
def show(
    run_id: Annotated[
        str, typer.Argument(metavar="[RUN]", help="Id of a run, or its beginning. The newest if empty.")
    ] = "",
    all_results: Annotated[bool, typer.Option("--all", help="Show checks that passed, too.")] = False,
    runs: Annotated[bool, typer.Option("--runs", help="List the newest runs instead.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
    environment: Environment = "local",
) -> None:
    """Show the results of a run: what has not passed, the failing keys, and what to do.

    Example: shoplake quality show --all
    """
    import json as jsonlib

    from shoplake.environments import connect
    from shoplake.quality import history
    from shoplake.text_tables import print_rows

    with history.opened(connect(environment, {"postgres"})) as opened:
        if runs:
            listed = [
                {"run": key, "started_at": at.isoformat(), "seconds": seconds, **counts}
                for key, at, seconds, counts in opened.runs(50)
            ]
            if json:
                print(jsonlib.dumps({"runs": listed}))
                return
            columns = ("run", "started_at", "seconds", "passed", "warned", "failed", "unknown")
            print_rows(columns, [[one.get(column, 0) for column in columns] for one in listed])
            return
        report = opened.report(run_id)
    if json:
        print(jsonlib.dumps(report.as_json(), ensure_ascii=False))
    else:
        _print(report, passed=all_results)


def _severity(text: str) -> Literal["warn", "error"] | None:
    from shoplake.errors import UnknownName

    if text == "warn":
        return "warn"
    if text == "error":
        return "error"
    if text:
        raise UnknownName(f"there is no severity '{text}'", fix="choose from warn, error")
    return None


def _print(report: Report, *, passed: bool = False) -> None:
    from shoplake.terminal import counted
    from shoplake.text_tables import print_rows

    shown = [one for one in report.results if passed or one.outcome != "passed"]
    if shown:
        columns = ("outcome", "dataset", "check", "owner", "found")
        print_rows(columns, [(one.outcome, one.dataset, one.check, one.owner, one.detail) for one in shown])
    for one in shown:
        if one.outcome != "passed":
            keys = f"\n  keys: {', '.join(one.failing_keys)}" if one.failing_keys else ""
            print(f"{one.dataset} {one.check}: {one.what_to_do}{keys}")
    counts = report.counts
    print(
        f"{counted(report.datasets, 'dataset')}: {counted(counts['passed'], 'check')} passed,"
        f" {counts['warned']:,} warned, {counts['failed']:,} failed, {counts['unknown']:,} unknown"
        f" in {report.seconds:.1f} s (run {report.run})"
    )
