"""`shoplake stream`: carries events from Kafka into the stores."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    sinks: Annotated[
        str, typer.Option(help="Comma-separated: lake, postgres, dynamodb, mongo, redis. All if empty.")
    ] = "",
    until_caught_up: Annotated[
        bool, typer.Option("--until-caught-up", help="End when everything in the log is in the stores.")
    ] = False,
    environment: Annotated[str, typer.Option(help="Whose Kafka and stores.")] = "local",
) -> None:
    """Run one process per sink until stopped. Killed or stopped, each goes on where its store stands.

    Example: shoplake stream --sinks lake,postgres --until-caught-up
    """
    import asyncio

    from shoplake import platform
    from shoplake.cli.progress import watching_sinks
    from shoplake.sinks import named
    from shoplake.streaming.supervisor import stream

    names = named(sinks)
    platform.connect(environment)
    with watching_sinks() as watch:
        views = asyncio.run(stream(names, environment=environment, until_caught_up=until_caught_up, watch=watch))
    for view in views:
        typer.echo(f"{view.name}: {view.progress.applied} events, lag {view.progress.lag}, {view.progress.state}")
