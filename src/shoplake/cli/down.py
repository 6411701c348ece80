"""`shoplake down`: stops the stack."""

from __future__ import annotations

from typing import Annotated

import typer

from shoplake.cli.confirm import Yes, ask


def command(
    purge: Annotated[bool, typer.Option("--purge", help="Also remove all data, logs, ports and passwords.")] = False,
    yes: Yes = False,
) -> None:
    """Stop every server of the stack; data stays, unless --purge.

    Example: shoplake down --purge
    """
    import sys

    from shoplake import paths, stack

    if purge:
        ask(
            f"This removes the stack at {paths.home()} with all of its data: Kafka's log, every store, the state of "
            "Terraform, ports and passwords. It cannot be brought back.",
            yes=yes,
        )

    stop = stack.purge if purge else stack.down
    stop(lambda text: print(text, file=sys.stderr))
    print("the stack is down and its data is gone" if purge else "the stack is down; its data is kept")
