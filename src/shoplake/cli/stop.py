"""`shoplake stop`: stop commands that run in the background."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    names: Annotated[
        list[str] | None, typer.Argument(help="stream, generate or workflow. Default: all that run in the background.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Stop commands that run in the background. The next run continues where they stopped.

    Example: shoplake stop generate
    """
    import json as jsonlib

    from shoplake import background

    for name in names or ():
        background.log_file(name)  # refuses an unknown name before anything is stopped
    stopped = [name for name in names or background.COMMANDS if background.stop(name)]
    if json:
        typer.echo(jsonlib.dumps({"stopped": stopped}))
    else:
        typer.echo(f"stopped {' and '.join(stopped)}" if stopped else "nothing ran in the background")
