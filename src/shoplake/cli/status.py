"""`shoplake status`: show which servers of the stack run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shoplake.stack import Status

COLOURS = {"running": "green", "silent": "yellow", "crashed": "red", "stopped": "dim"}


def command(
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Show the state, port, memory and start time of each server. Exits 1 unless all of them run.

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

    totals = {"running": status.running, "rss_bytes": status.rss_bytes, "ready_s": status.ready_s}
    servers = {server.name: dataclasses.asdict(server) for server in status.servers}
    print(json.dumps({"home": str(status.home), **totals, "servers": servers}))


def _print_table(status: Status) -> None:
    from rich.console import Console
    from rich.markup import escape

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
    made.add_row("all", "", "", "", _megabytes(status.rss_bytes), _seconds(status.ready_s))
    console.print(made)
    console.print(f"data, logs and passwords are in {escape(str(status.home))}", highlight=False, soft_wrap=True)
    for server in status.servers:
        if server.log_tail:
            console.print(f"{server.name} died; the end of its log:\n{server.log_tail}", markup=False, highlight=False)
            console.print(as_typed("what to do: `shoplake up` starts it again"), markup=False)


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:.0f} MB" if size_bytes else ""


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"
