"""`shoplake down`: stops the stack."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    purge: Annotated[bool, typer.Option("--purge", help="Also remove all data, logs, ports and passwords.")] = False,
) -> None:
    """Stop every server of the stack; data stays, unless --purge.

    Example: shoplake down --purge
    """
    import sys

    from shoplake import stack

    stop = stack.purge if purge else stack.down
    stop(lambda text: print(text, file=sys.stderr))
    print("the stack is down and its data is gone" if purge else "the stack is down; its data is kept")
