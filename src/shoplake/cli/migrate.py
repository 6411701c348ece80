"""`shoplake migrate`: create what an environment needs beyond its Terraform resources."""

from __future__ import annotations

from typing import Annotated

import typer

from shoplake.cli.option_values import Quiet


def command(
    environment: Annotated[str, typer.Argument(help="Environment: local, dev, staging or prod.")] = "local",
    json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout.")] = False,
    quiet: Quiet = False,
) -> None:
    """Create the Kafka topics, the database user and the Postgres schema. It is safe to run again.

    Example: shoplake migrate dev
    """
    import json as jsonlib

    from shoplake import environments

    environments.prepare(environment)
    if json:
        typer.echo(jsonlib.dumps({"environment": environment, "migrated": True}))
    elif not quiet:
        typer.echo(f"the topics and the Postgres schema of {environment} are up to date")
