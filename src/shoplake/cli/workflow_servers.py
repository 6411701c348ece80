"""`shoplake workflow up|down|logs`: Dagster's daemon and web server, in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shoplake.cli.workflow import Environment, Json

if TYPE_CHECKING:
    from shoplake.background import BackgroundCommand


def up(
    port: Annotated[
        int | None, typer.Option(min=1024, max=65535, help="Port of the web server. Default: that of the last start.")
    ] = None,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Run until Ctrl-C or SIGTERM, as in a container.")
    ] = False,
    json: Json = False,
    environment: Environment = "local",
) -> None:
    """Start Dagster's web server and daemon in the background, and print the address of the web pages.

    The daemon starts workflows by their schedules and triggers. `down` and `workflow down` stop all of it.

    Example: shoplake workflow up
    """
    from shoplake import background, environments
    from shoplake.errors import UsageError
    from shoplake.orchestration import instance, runs, webhook
    from shoplake.orchestration.servers import processes as servers
    from shoplake.terminal import to_stderr

    if background.inside():
        instance.prepared(environments.connect(environment, {"postgres"}), environment)
        servers.serve(environment, servers.choose_port(port), background.working, to_stderr)
        return
    webhook.address()
    found = background.look(servers.NAME)
    if foreground:
        if found is not None and found.state == "running":
            raise UsageError(
                f"the servers of workflows already run in the background (pid {found.pid})",
                fix="`shoplake workflow down` stops them",
            )
        runs.history(environment, limit=1)
        servers.serve(environment, servers.choose_port(port), to_stderr, to_stderr)
        return
    if found is None or found.state != "running":
        background.stop(servers.NAME)  # what one that was killed has left
        if port is not None:
            servers.choose_port(port)
        runs.history(environment, limit=1)  # the tables are there, and runs of processes that were killed have ended
        found = background.start(servers.NAME, servers.READY_S)
    _print(found, json=json)


def down(json: Json = False) -> None:
    """Stop Dagster's servers. Runs that they have started are stopped as by Ctrl-C, and can be resumed.

    Example: shoplake workflow down
    """
    import json as jsonlib

    from shoplake import background
    from shoplake.orchestration.servers import processes as servers

    stopped = background.stop(servers.NAME)
    if json:
        typer.echo(jsonlib.dumps({"stopped": stopped}))
    else:
        typer.echo("the servers of workflows are down" if stopped else "the servers of workflows did not run")


def logs(
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="Number of lines from the end.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Also print new lines, until Ctrl-C.")] = False,
) -> None:
    """Show the end of the log of Dagster's servers, as `logs workflow` does.

    Example: shoplake workflow logs --lines 50
    """
    from shoplake.cli import logs as all_logs
    from shoplake.orchestration.servers import processes as servers

    all_logs.command(servers.NAME, lines, follow)


def _print(found: BackgroundCommand, *, json: bool) -> None:
    import json as jsonlib

    from shoplake.invocation import as_typed

    if json:
        facts = {"address": found.address, "state": found.state, "pid": found.pid, "rss_bytes": found.rss_bytes}
        typer.echo(jsonlib.dumps(facts))
        return
    typer.echo(f"workflows are at {found.address} (pid {found.pid}, {found.rss_bytes / 2**20:.0f} MB)")
    typer.echo(as_typed("  output: `shoplake workflow logs -f`; stop them: `shoplake workflow down`"))
