"""`shoplake migrate`: what an environment needs besides what Terraform builds."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    environment: Annotated[str, typer.Argument(help="Environment: local, dev, staging or prod.")] = "local",
) -> None:
    """Make Kafka's topics, the database's user and the relational schema; running it again changes nothing.

    Example: shoplake migrate dev
    """
    from shoplake import environments

    environments.prepare(environment)
    typer.echo(f"topics and the relational schema of {environment} are at their newest")
