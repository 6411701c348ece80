"""Print errors. Errors of the program and of the command line have the same format."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from shoplake import invocation
from shoplake.errors import CommandLineError

if TYPE_CHECKING:
    from shoplake.errors import ShoplakeError

# Since 0.26, Typer includes its own copy of click and exports only some of its exceptions.
Refused: Any = typer.BadParameter.__mro__[1]


def show(error: ShoplakeError) -> None:
    """Print the code, the message, the remedy and the documentation page to stderr."""
    text = str(error) if error.fix else f"{error}\n  what to do: {error.advice}"
    print(f"error {error.code}: {invocation.as_typed(text)}\n  about it: {error.page}", file=sys.stderr)


def of_command_line(refused: Any) -> CommandLineError:  # noqa: ANN401 - as above
    """Convert an error of the command-line parser to a `CommandLineError`."""
    message = refused.format_message().strip().rstrip(".")
    path = refused.ctx.command_path if refused.ctx is not None else "shoplake"
    return CommandLineError(message[:1].lower() + message[1:], fix=f"`{path} --help` lists commands and options")
