"""`shoplake healthy`: health check of a running `stream`, for containers."""

from __future__ import annotations

from typing import Annotated

import typer

from shoplake.cli.option_values import Quiet


def command(
    max_age: Annotated[
        float, typer.Option("--max-age", min=1, help="Maximum age in seconds of a worker's last report.")
    ] = 60,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
    quiet: Quiet = False,
) -> None:
    """Exit 0 if every worker of this home's `stream` has reported recently, else 1.

    Example: shoplake healthy --max-age 30
    """
    import json as jsonlib

    from shoplake.errors import StreamHalted
    from shoplake.streaming import heartbeat

    try:
        workers = heartbeat.check(max_age)
    except StreamHalted as error:
        if json:
            typer.echo(jsonlib.dumps({"healthy": False, "problem": error.message}))
        raise
    if json:
        typer.echo(jsonlib.dumps({"healthy": True, "workers": list(workers)}))
    elif not quiet:
        typer.echo(f"working: {', '.join(workers)}")
