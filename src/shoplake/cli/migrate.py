"""`shoplake migrate`: create what an environment needs beyond its Terraform resources."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    environment: Annotated[str, typer.Argument(help="Environment: local, dev, staging or prod.")] = "local",
) -> None:
    """Create the Kafka topics, the database user and the Postgres schema. It is safe to run again.

    Example: shoplake migrate dev
    """
    from shoplake import environments

    environments.prepare(environment)
    typer.echo(f"the topics and the Postgres schema of {environment} are up to date")
