"""`shoplake healthy`: health check of a running `stream`, for containers."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    max_age: Annotated[
        float, typer.Option("--max-age", min=1, help="Maximum age in seconds of a worker's last report.")
    ] = 60,
) -> None:
    """Exit 0 if every worker of this home's `stream` has reported recently, else 1.

    Example: shoplake healthy --max-age 30
    """
    from shoplake.streaming import heartbeat

    typer.echo(f"working: {', '.join(heartbeat.check(max_age))}")
