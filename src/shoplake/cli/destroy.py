"""`shoplake destroy`: remove an environment, with the data in it."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    environment: Annotated[str, typer.Argument(help="Environment to remove: local.")],
) -> None:
    """Remove what Terraform made for an environment, with the objects and items in it; the servers stay up.

    Example: shoplake destroy local
    """
    from shoplake import stack
    from shoplake.infra import environments, runner
    from shoplake.infra.variables import variables_from

    name = environments.named(environment).name
    destroyed = runner.destroy(name, variables=variables_from(stack.connections()), environment=stack.environment())
    typer.echo(f"{name} is gone: {destroyed.remove} destroyed in {destroyed.seconds:.0f} s")
