"""`shoplake apply`: build an environment with Terraform."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    environment: Annotated[str, typer.Argument(help="Environment to build: local, dev, staging or prod.")],
    allow_destroy: Annotated[
        list[str] | None,
        typer.Option("--allow-destroy", help="Resource address with data that may be destroyed. Repeatable."),
    ] = None,
    confirm: Annotated[
        str | None,
        typer.Option("--confirm", help="Confirm without a question: the name of the environment (prod only)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outputs as JSON.")] = False,
) -> None:
    """Build an environment with Terraform. It is safe to run again.

    A second run changes nothing. After an interruption, it continues.

    Example: shoplake apply local
    """
    import json

    from shoplake import stack
    from shoplake.infra import guards, runner, stack_inputs

    inputs = stack_inputs.of(environment, stack)
    if environment in guards.TYPED and confirm is None:
        confirm = typer.prompt(f"This changes {environment}. Type its name to continue", default="", show_default=False)
    applied = runner.apply(
        environment,
        variables=inputs.variables,
        environment=inputs.environment,
        allow_destroy=allow_destroy or (),
        typed=confirm,
    )
    if as_json:
        typer.echo(json.dumps(dict(applied.outputs)))
    else:
        typer.echo(
            f"{environment} is built: {applied.add} added, {applied.change} changed, {applied.remove} destroyed "
            f"in {applied.seconds:.0f} s; its settings are under {applied.outputs['settings_path']}"
        )
