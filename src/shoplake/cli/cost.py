"""`shoplake cost`: estimate what an environment costs per month, before it exists."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    environment: Annotated[str, typer.Argument(help="Environment to price: dev, staging or prod.")],
    diff: Annotated[
        Path | None, typer.Option("--diff", help="JSON of an earlier plan. Shows the cost difference.")
    ] = None,
    fail_over: Annotated[
        float | None,
        typer.Option("--fail-over", help="Fail if the estimated total is above this limit, in US dollars."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the estimate as JSON.")] = False,
) -> None:
    """Estimate the monthly cost of an environment. Needs no AWS account.

    It uses the dry-run plan and the price list in the repository.

    Example: shoplake cost prod --fail-over 5000
    """
    from shoplake.infra import cost_report, dry_run, environments

    environments.refuse_emulated(environment)
    planned = dry_run.run(environment)
    if as_json:
        typer.echo(cost_report.as_json(planned.plan))
    elif diff is not None:
        typer.echo(cost_report.difference(cost_report.read(diff), planned.plan))
    else:
        typer.echo(cost_report.table(environment, planned.plan))
    if fail_over is not None:
        cost_report.refuse_over(environment, planned.plan, fail_over)
