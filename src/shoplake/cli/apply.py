"""`shoplake apply`: build an environment with Terraform."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    environment: Annotated[str, typer.Argument(help="Environment to build: local.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the outputs as JSON.")] = False,
) -> None:
    """Build an environment with Terraform; running it again changes nothing, or goes on where it was stopped.

    Example: shoplake apply local
    """
    import json

    from shoplake import stack
    from shoplake.infra import environments, runner
    from shoplake.infra.variables import variables_from

    name = environments.named(environment).name
    applied = runner.apply(name, variables=variables_from(stack.connections()), environment=stack.environment())
    if as_json:
        typer.echo(json.dumps(dict(applied.outputs)))
    else:
        typer.echo(
            f"{name} is built: {applied.add} added, {applied.change} changed, {applied.remove} destroyed "
            f"in {applied.seconds:.0f} s; settings are under {applied.outputs['settings_path']}"
        )
