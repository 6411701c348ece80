"""The question before something is lost: on a terminal only, so that scripts and CI go on as they are."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; without a terminal nothing is asked.")]


def ask(what_is_lost: str, *, yes: bool) -> None:
    """Ask whether to go on, unless told not to or nobody is there to answer.

    Raises:
        typer.Exit: the answer was no; exit code 1.
    """
    if yes or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    if not typer.confirm(f"{what_is_lost}\nGo on?", default=False, err=True):
        typer.echo("nothing was changed", err=True)
        raise typer.Exit(1)
