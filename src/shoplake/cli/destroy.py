"""`shoplake destroy`: remove an environment, with the data in it."""

from __future__ import annotations

from typing import Annotated

import typer

from shoplake.cli.confirm import Yes, ask


def command(
    environment: Annotated[str, typer.Argument(help="Environment to remove: local, dev, staging or prod.")],
    allow_destroy: Annotated[
        list[str] | None,
        typer.Option("--allow-destroy", help="Address of what holds data and may be destroyed; may be repeated."),
    ] = None,
    confirm: Annotated[str | None, typer.Option("--confirm", help="prod's name, typed ahead.")] = None,
    yes: Yes = False,
) -> None:
    """Remove what Terraform made for an environment, with the objects and items in it; the servers stay up.

    Then ask the APIs what of it is still there; anything that nobody meant to keep is an error.

    Example: shoplake destroy local
    """
    from shoplake import stack
    from shoplake.infra import aws_clients, environments, guards, leftovers, runner, stack_inputs

    if environments.named(environment).name not in guards.TYPED:
        ask(
            f"This removes '{environment}': the lake's tables and files, DynamoDB's items, settings and secrets. "
            "What is in Kafka, Postgres, MongoDB and Redis of a local stack stays.",
            yes=yes,
        )
    given = stack_inputs.of(environment, stack)
    if environment in guards.TYPED and confirm is None:
        confirm = typer.prompt(f"This destroys {environment}. Type its name to go on", default="", show_default=False)
    destroyed = runner.destroy(
        environment,
        variables=given.variables,
        environment=given.environment,
        allow_destroy=allow_destroy or (),
        typed=confirm,
    )
    typer.echo(f"{environment}: {destroyed.remove} destroyed in {destroyed.seconds:.0f} s; asking what is left")
    clients = aws_clients.clients(environments.named(environment), given.environment)
    left = leftovers.find(environment, clients, missing=given.missing)
    typer.echo(leftovers.report(environment, left) + f"{environment} is gone")
