"""`shoplake generate report`: write an HTML page about a simulated shop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shoplake.terminal import counted


def command(
    scenario: Annotated[str, typer.Option(help="Name of a shipped scenario, or path of a .yaml file.")] = "demo",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation. The same seed gives the same events.")] = 7,
    events: Annotated[
        int, typer.Option(min=1, help="Minimum number of events. The last window is always complete.")
    ] = 200_000,
    out: Annotated[Path, typer.Option(help="HTML file to write. It loads no external files.")] = Path("report.html"),
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
) -> None:
    """Simulate a shop and write an HTML report with charts. Needs no stack.

    It shows orders by week, the funnel, baskets, product popularity, retention, delivery times and faults.

    Example: shoplake generate report --scenario demo --events 1000000 --out shop.html
    """
    from shoplake import report
    from shoplake.cli.progress import counting
    from shoplake.publish.run import load_scenario

    shop = load_scenario(scenario)
    with counting("events", events) as watch:
        shown = report.write(shop, seed, events, out, force=force, watch=lambda done: watch(min(done, events)))
    typer.echo(f"{counted(shown, 'event')} in {out}")
