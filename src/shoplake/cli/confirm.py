"""The confirmation before data is deleted. It is asked on a terminal only, so scripts and CI are not blocked."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask for confirmation. Without a terminal, nothing is asked.")
]


def ask(consequence: str, *, yes: bool) -> None:
    """Ask whether to continue, unless `yes` is set or there is no terminal.

    Raises:
        typer.Exit: the answer was no; exit code 1.
    """
    if yes or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    if not typer.confirm(f"{consequence}\nContinue?", default=False, err=True):
        typer.echo("nothing was changed", err=True)
        raise typer.Exit(1)
