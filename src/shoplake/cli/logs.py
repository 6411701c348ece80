"""`shoplake logs`: show the end of a server's log."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    service: Annotated[
        str,
        typer.Argument(
            help="A server (kafka, postgres, valkey, mongo, ministack), a command in the background (stream, generate,"
            " api, console, workflow), or libraries: the log of the client libraries."
        ),
    ],
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="Number of lines from the end.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Also print new lines, until Ctrl-C.")] = False,
) -> None:
    """Show the end of the log of a server, or of a command in the background.

    Example: shoplake logs kafka --lines 50
    """
    import contextlib

    from shoplake import background, stack
    from shoplake.stack import process

    ours = background.log_file(service) if service in background.COMMANDS else None
    if not follow:
        print(stack.logs(service, lines) if ours is None else process.tail(ours, lines))
        return
    with contextlib.suppress(KeyboardInterrupt):
        for text in stack.follow(service, lines) if ours is None else process.follow(ours, lines):
            print(text, end="", flush=True)
