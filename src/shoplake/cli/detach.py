"""The option `--detach` of commands that can run in the background."""

from __future__ import annotations

import typer


def start(name: str, *, json: bool) -> None:
    """Start this command line again in the background, and print how to follow and stop it.

    Raises:
        UsageError: such a command already runs.
        BackgroundFailed: it failed at its start.
    """
    import json as jsonlib

    from shoplake import background
    from shoplake.invocation import as_typed

    begun = background.start(name)
    if json:
        typer.echo(jsonlib.dumps({"name": name, "state": begun.state, "pid": begun.pid}))
    elif begun.state == "running":
        typer.echo(f"`{name}` runs in the background (pid {begun.pid})")
        typer.echo(as_typed(f"  follow it: `shoplake logs -f {name}`; stop it: `shoplake stop {name}`"))
    else:
        typer.echo(as_typed(f"`{name}` is done already; `shoplake logs {name}` has its output"))
