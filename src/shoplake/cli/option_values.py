"""The values that an option takes, shown in its help in place of `<str>`. It checks nothing."""

from __future__ import annotations

from typing import Any

# By the name of the parameter in the command's function.
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
    """Name the values in the help of a command's options, and of its subcommands'."""
    for parameter in command.params:
        shown = SHOWN.get(parameter.name)
        if shown and parameter.metavar is None and parameter.param_type_name == "option":
            parameter.metavar = shown
    for part in getattr(command, "commands", {}).values():
        show(part)
