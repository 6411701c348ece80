"""`shoplake logs`: show the end of a server's log."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    service: Annotated[
        str,
        typer.Argument(
            help="kafka, postgres, valkey, mongo or ministack; or libraries: the log of the client libraries."
        ),
    ],
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="Number of lines from the end.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Also print new lines, until Ctrl-C.")] = False,
) -> None:
    """Show the end of a server's log.

    Example: shoplake logs kafka --lines 50
    """
    import contextlib

    from shoplake import stack

    if not follow:
        print(stack.logs(service, lines))
        return
    with contextlib.suppress(KeyboardInterrupt):
        for text in stack.follow(service, lines):
            print(text, end="", flush=True)
