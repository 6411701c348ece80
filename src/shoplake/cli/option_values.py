"""The accepted values of an option, shown in its help instead of `<str>`. It does not validate them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print neither progress nor the closing line.")]
# Key: name of the parameter in the command's function.
SHOWN = {
    "emulator": "localstack|ministack",
    "engine": "local|spark",
    "environment": "local|dev|staging|prod",
    "format": "jsonl|parquet|csv",
    "source": "auto|log|lake",
    "stack": "embedded|compose",
    "state": "open|replayed|discarded",
}


def show(command: Any) -> None:  # noqa: ANN401 - typer keeps the class of its commands to itself
    """Show the values in the help of the options of a command and of its subcommands."""
    for parameter in command.params:
        shown = SHOWN.get(parameter.name)
        if shown and parameter.metavar is None and parameter.param_type_name == "option":
            parameter.metavar = shown
    for part in getattr(command, "commands", {}).values():
        show(part)
