"""`shoplake logs`: what a server of the stack has said."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    service: Annotated[
        str,
        typer.Argument(help="kafka, postgres, valkey, mongo, ministack; or libraries: what clients of them logged."),
    ],
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many lines from the end.")] = 100,
) -> None:
    """Show the end of a server's log.

    Example: shoplake logs kafka --lines 50
    """
    from shoplake import stack

    print(stack.logs(service, lines))
