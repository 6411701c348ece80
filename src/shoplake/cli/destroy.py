"""`shoplake destroy`: delete an environment with its data."""

from __future__ import annotations

from typing import Annotated

import typer

from shoplake.cli.confirm import Yes, ask


def command(
    environment: Annotated[str, typer.Argument(help="Environment to delete: local, dev, staging or prod.")],
    allow_destroy: Annotated[
        list[str] | None,
        typer.Option("--allow-destroy", help="Resource address with data that may be destroyed. Repeatable."),
    ] = None,
    confirm: Annotated[
        str | None,
        typer.Option("--confirm", help="Confirm without a question: the name of the environment (prod only)."),
    ] = None,
    yes: Yes = False,
) -> None:
    """Delete everything that Terraform created for an environment, with its data. Local servers keep running.

    It then checks through the AWS APIs that no resource is left. A leftover that was not meant to be kept is an error.

    Example: shoplake destroy local
    """
    from shoplake import stack
    from shoplake.infra import aws_clients, environments, guards, leftovers, runner, stack_inputs

    if environments.named(environment).name not in guards.TYPED:
        ask(
            f"This deletes '{environment}': the lake's tables and files, DynamoDB's items, settings and secrets. "
            "In a local stack, the data in Kafka, Postgres, MongoDB and Redis is kept.",
            yes=yes,
        )
    inputs = stack_inputs.of(environment, stack)
    if environment in guards.TYPED and confirm is None:
        confirm = typer.prompt(
            f"This destroys {environment}. Type its name to continue", default="", show_default=False
        )
    destroyed = runner.destroy(
        environment,
        variables=inputs.variables,
        environment=inputs.environment,
        allow_destroy=allow_destroy or (),
        typed=confirm,
    )
    typer.echo(f"{environment}: {destroyed.remove} destroyed in {destroyed.seconds:.0f} s; checking for leftovers")
    clients = aws_clients.clients(environments.named(environment), inputs.environment)
    left = leftovers.find(environment, clients, missing=inputs.missing)
    typer.echo(leftovers.report(environment, left) + f"{environment} is destroyed")
