"""`shoplake down`: stop the stack."""

from __future__ import annotations

from typing import Annotated

import typer

from shoplake.cli.confirm import Yes, ask
from shoplake.cli.option_values import Quiet


def command(
    purge: Annotated[bool, typer.Option("--purge", help="Also delete all data, logs, ports and passwords.")] = False,
    yes: Yes = False,
    json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout.")] = False,
    quiet: Quiet = False,
) -> None:
    """Stop every server of the stack, and what runs in the background. Data is kept unless you add --purge.

    Example: shoplake down --purge
    """
    import json as jsonlib

    from shoplake import background, paths, stack
    from shoplake.stack.state import silent
    from shoplake.terminal import to_stderr

    if purge:
        ask(
            f"This deletes the stack at {paths.home()} with all of its data: Kafka's log, every store, the Terraform "
            "state, ports and passwords. It cannot be undone.",
            yes=yes,
        )

    for name in background.COMMANDS:
        if background.stop(name) and not quiet:
            to_stderr(f"stopped `{name}` in the background")
    stop = stack.purge if purge else stack.down
    stop(silent if quiet else to_stderr)
    if json:
        print(jsonlib.dumps({"home": str(paths.home()), "running": False, "purged": purge}))
    elif not quiet:
        print("the stack is down and its data is deleted" if purge else "the stack is down; its data is kept")
