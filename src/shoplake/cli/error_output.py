"""How errors look: the same for what the program refuses and for what the command line refuses."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from shoplake import invocation
from shoplake.errors import CommandLineError

if TYPE_CHECKING:
    from shoplake.errors import ShoplakeError

# Typer brings its own copy of click since 0.26 and names only some of its exceptions.
Refused: Any = typer.BadParameter.__mro__[1]


def show(error: ShoplakeError) -> None:
    """Code, what was expected and found, what to do, and the page about it; on stderr."""
    text = str(error) if error.fix else f"{error}\n  what to do: {error.advice}"
    print(f"error {error.code}: {invocation.as_typed(text)}\n  about it: {error.page}", file=sys.stderr)


def of_command_line(refused: Any) -> CommandLineError:  # noqa: ANN401 - as above
    """What the command line did not accept, as an error of ours."""
    message = refused.format_message().strip().rstrip(".")
    path = refused.ctx.command_path if refused.ctx is not None else "shoplake"
    return CommandLineError(message[:1].lower() + message[1:], fix=f"`{path} --help` lists what there is")
