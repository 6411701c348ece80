"""`shoplake generate`: simulates a shop into Kafka or into files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    scenario: Annotated[str, typer.Option(help="Name of a shipped scenario, or path of a .yaml file.")] = "demo",
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another shop.")] = 7,
    events: Annotated[int, typer.Option(min=1, help="Events in all, from the start of the simulation.")] = 200_000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes; the events are the same for any number.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Write files into this folder instead; needs no stack.")] = None,
    format: Annotated[str, typer.Option(help="With --out: jsonl or parquet.")] = "jsonl",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="With --out: replace what is in the folder.")] = False,
    environment: Annotated[str, typer.Option(help="Whose Kafka.")] = "local",
) -> None:
    """Simulate a shop and publish it to Kafka, one transaction per window. Run again, it goes on where it stopped.

    Example: shoplake generate --scenario demo --seed 7 --events 200000 --out /tmp/shop --format parquet
    """
    from shoplake.cli.progress import counting
    from shoplake.publish.run import Run, load_scenario

    run = Run(load_scenario(scenario), seed, events, workers)
    with counting("events", events) as watch:
        if out is not None:
            from shoplake.publish import files

            counts = files.write_run(run, out, format, overwrite=overwrite, watch=watch)
            typer.echo(f"{sum(counts.values())} events in {out}")
        else:
            import asyncio
            import os

            from shoplake import failpoints, platform
            from shoplake.publish.kafka import publish

            failpoints.arm(os.environ)
            done = asyncio.run(publish(platform.kafka_cluster(environment), run, watch=watch))
            typer.echo(f"{done.events} events of '{done.publisher}' are in the log")
