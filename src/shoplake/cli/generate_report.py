"""`shoplake generate report`: a page that shows a simulated shop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shoplake.terminal import counted


def command(
    scenario: Annotated[str, typer.Option(help="Name of a shipped scenario, or path of a .yaml file.")] = "demo",
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another shop.")] = 7,
    events: Annotated[int, typer.Option(min=1, help="Events at least; windows are taken whole.")] = 200_000,
    out: Annotated[Path, typer.Option(help="The file, one page of HTML that loads nothing.")] = Path("report.html"),
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Simulate a shop and draw it: orders over weeks, funnel, baskets, popularity, retention, deliveries, faults.

    Needs no stack. Example: shoplake generate report --scenario demo --events 1000000 --out shop.html
    """
    from shoplake import report
    from shoplake.cli.progress import counting
    from shoplake.publish.run import load_scenario

    shop = load_scenario(scenario)
    with counting("events", events) as watch:
        shown = report.write(shop, seed, events, out, force=force, watch=lambda done: watch(min(done, events)))
    typer.echo(f"{counted(shown, 'event')} in {out}")
