"""`shoplake status`: show which servers of the stack run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shoplake.stack import Status

COLOURS = {"running": "green", "silent": "yellow", "crashed": "red", "failed": "red", "stopped": "dim", "ended": "dim"}


def command(
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Show the state, port, memory and start time of each server, and what runs in the background. Exits 1 unless all
    servers run.

    Example: shoplake status --json | jq .rss_bytes
    """
    from shoplake import stack

    found = stack.status()
    if json:
        print_json(found)
    else:
        _print_table(found)
    raise typer.Exit(0 if found.running else 1)


def print_json(status: Status) -> None:
    """Print one line of JSON: the home folder, whether all servers run, and each server."""
    import dataclasses
    import json

    from shoplake import background

    totals = {"running": status.running, "rss_bytes": status.rss_bytes, "ready_s": status.ready_s}
    servers = {server.name: dataclasses.asdict(server) for server in status.servers}
    commands = {command.name: dataclasses.asdict(command) for command in background.all_of_them()}
    print(json.dumps({"home": str(status.home), **totals, "servers": servers, "background": commands}))


def _print_table(status: Status) -> None:
    from rich.console import Console
    from rich.markup import escape

    from shoplake import background
    from shoplake.invocation import as_typed
    from shoplake.text_tables import table

    console = Console()
    made = table("server", "state", "address", numbers=("pid", "memory", "ready after"))
    for server in status.servers:
        colour = COLOURS[server.state]
        made.add_row(
            server.name,
            f"[{colour}]{server.state}[/{colour}]",
            f"127.0.0.1:{server.port}",
            str(server.pid or ""),
            _megabytes(server.rss_bytes),
            _seconds(server.ready_s),
        )
    commands = background.all_of_them()
    for command in commands:
        colour = COLOURS[command.state]
        state = f"[{colour}]{command.state}[/{colour}]"
        made.add_row(
            f"`{command.name}`", state, command.address, str(command.pid or ""), _megabytes(command.rss_bytes), ""
        )
    made.add_row("all", "", "", "", _megabytes(status.rss_bytes), _seconds(status.ready_s))
    console.print(made)
    console.print(f"data, logs and passwords are in {escape(str(status.home))}", highlight=False, soft_wrap=True)
    for server in status.servers:
        if server.log_tail:
            console.print(f"{server.name} died; the end of its log:\n{server.log_tail}", markup=False, highlight=False)
            console.print(as_typed("what to do: `shoplake up` starts it again"), markup=False)
    for command in commands:
        if command.log_tail:
            text = f"`{command.name}` {command.state}; the end of its log:\n{command.log_tail}"
            console.print(text, markup=False, highlight=False)


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:.0f} MB" if size_bytes else ""


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"
