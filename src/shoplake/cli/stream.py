"""`shoplake stream`: carries events from Kafka into the stores."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    sinks: Annotated[
        str, typer.Option(help="Comma-separated: lake, postgres, dynamodb, mongo, redis; `none`. All if empty.")
    ] = "",
    dead_letters: Annotated[
        bool, typer.Option("--dead-letters/--no-dead-letters", help="Also copy what no sink takes; once per log.")
    ] = True,
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
    from shoplake.streaming import heartbeat
    from shoplake.streaming.supervisor import stream
    from shoplake.streaming.worker import DEAD_LETTERS

    names = [] if sinks == "none" else named(sinks)
    beside = (DEAD_LETTERS,) if dead_letters else ()
    platform.connect(environment)
    with watching_sinks() as watch:
        views = asyncio.run(
            stream(
                names,
                beside=beside,
                environment=environment,
                until_caught_up=until_caught_up,
                watch=heartbeat.beating(watch),
            )
        )
    for view in views:
        typer.echo(f"{view.name}: {view.progress.applied} events, lag {view.progress.lag}, {view.progress.state}")
