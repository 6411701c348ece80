"""`shoplake plan`: show what `apply` would change."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    environment: Annotated[
        str, typer.Argument(help="Environment to plan: local, dev, staging or prod. With --dry-run also bootstrap.")
    ],
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Plan from an empty state, without AWS account or network, and check the policy."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the changes as JSON.")] = False,
) -> None:
    """Show what `apply` would change, one resource per line. Nothing is changed.

    Example: shoplake plan prod --dry-run
    """
    import json

    from shoplake import stack
    from shoplake.infra import dry_run as dry
    from shoplake.infra import runner, stack_inputs
    from shoplake.invocation import as_typed

    if dry_run:
        found = dry.run(environment)
        typer.echo(dry.as_json(found) if as_json else as_typed(dry.report(found)))
        dry.refuse_violations(found)
        return
    inputs = stack_inputs.of(environment, stack)
    planned = runner.plan(environment, variables=inputs.variables, environment=inputs.environment)
    if as_json:
        changes = [{"action": change.action, "address": change.address} for change in planned.changes]
        typer.echo(json.dumps({"environment": environment, "differs": planned.differs, "changes": changes}))
    else:
        for change in planned.changes:
            typer.echo(str(change))
        typer.echo(f"{environment}: {planned.add} to add, {planned.change} to change, {planned.remove} to destroy")
