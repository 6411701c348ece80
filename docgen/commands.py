"""The reference of the command line, from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.main

from docgen import markdown
from shoplake.cli.main import app

EXAMPLE = "Example: "
INTRODUCTION = """
In a checkout every command is `./shoplake …`. Results go to stdout and progress to stderr; `--json` where a script
would want it, with times in UTC. Colour only on a terminal, and none where `NO_COLOR` is set. Exit codes: 0 well, 1
failed, 2 wrong usage, 130 interrupted; [errors](errors.md) have codes of their own. `shoplake --install-completion`
completes commands in your shell.
"""


def page() -> str:
    """One section per command, in the order of `--help`."""
    return markdown.page("Command line", INTRODUCTION, *(section(name, command) for name, command in each_command()))


def each_command() -> Iterator[tuple[str, Any]]:
    """`(name, command)` of the program and of all commands and sub-commands that can be run."""
    yield from _below("shoplake", typer.main.get_command(app))


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - typer keeps its classes to itself
    yield name, command
    for inner, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            yield from _below(f"{name} {inner}", below)


def section(name: str, command: Any) -> str:  # noqa: ANN401
    """Documentation of a command: description, example, arguments and options."""
    text = _paragraphs(command.help or "")
    text, _, example = text.partition(EXAMPLE)
    rows = [row for parameter in command.params if (row := _row(parameter))]
    table = markdown.table(("option", "meaning", "default"), rows) if rows else ""
    shown = [f"## {name}", text.strip(), markdown.block(example, "sh") if example else "", table]
    return "\n\n".join(part for part in shown if part)


def _row(parameter: Any) -> tuple[str, str, str] | None:  # noqa: ANN401
    if parameter.name in ("install_completion", "show_completion", "help"):
        return None
    if parameter.param_type_name == "argument":
        names = markdown.code(parameter.name.upper())
    else:
        names = ", ".join(markdown.code(name) for name in (*parameter.opts, *parameter.secondary_opts))
    needed = "needed" if parameter.required else _default(parameter.default)
    return names, parameter.help or "", needed


def _default(value: Any) -> str:  # noqa: ANN401
    return "" if value in (None, False, "", ()) else markdown.code(str(value))


def _paragraphs(text: str) -> str:
    """Lines of one paragraph joined, paragraphs apart."""
    return "\n\n".join(" ".join(part.split()) for part in text.replace("\f", "").split("\n\n"))
