"""`shoplake healthy`: whether a running `stream` works; for health checks of containers."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    max_age: Annotated[float, typer.Option("--max-age", min=1, help="Seconds a worker may be silent.")] = 60,
) -> None:
    """Exit 0 when every worker of the `stream` on this home has reported of late, 1 when one has not.

    Example: shoplake healthy --max-age 30
    """
    from shoplake.streaming import heartbeat

    typer.echo(f"working: {', '.join(heartbeat.check(max_age))}")
