"""`shoplake down`: stop the stack."""

from __future__ import annotations

from typing import Annotated

import typer

from shoplake.cli.confirm import Yes, ask


def command(
    purge: Annotated[bool, typer.Option("--purge", help="Also delete all data, logs, ports and passwords.")] = False,
    yes: Yes = False,
) -> None:
    """Stop every server of the stack. Data is kept unless you add --purge.

    Example: shoplake down --purge
    """
    import sys

    from shoplake import paths, stack

    if purge:
        ask(
            f"This deletes the stack at {paths.home()} with all of its data: Kafka's log, every store, the Terraform "
            "state, ports and passwords. It cannot be undone.",
            yes=yes,
        )

    stop = stack.purge if purge else stack.down
    stop(lambda text: print(text, file=sys.stderr))
    print("the stack is down and its data is deleted" if purge else "the stack is down; its data is kept")
