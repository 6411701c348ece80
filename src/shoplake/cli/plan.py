"""`shoplake plan`: say what `apply` would change."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    environment: Annotated[str, typer.Argument(help="Environment to plan: local.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the changes as JSON.")] = False,
) -> None:
    """Say what `apply` would change, one resource a line; changes nothing.

    Example: shoplake plan local
    """
    import json

    from shoplake import stack
    from shoplake.infra import environments, runner
    from shoplake.infra.variables import variables_from

    name = environments.named(environment).name
    planned = runner.plan(name, variables=variables_from(stack.connections()), environment=stack.environment())
    if as_json:
        changes = [{"action": change.action, "address": change.address} for change in planned.changes]
        typer.echo(json.dumps({"environment": name, "differs": planned.differs, "changes": changes}))
    else:
        for change in planned.changes:
            typer.echo(str(change))
        typer.echo(f"{name}: {planned.add} to add, {planned.change} to change, {planned.remove} to destroy")
