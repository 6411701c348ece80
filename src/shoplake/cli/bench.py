"""`shoplake bench`: measure the speed of each stage on this machine, and compare it with a limit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shoplake.bench.machine import Machine
    from shoplake.bench.report import Row
    from shoplake.bench.results import Measured

EVENTS = 200_000
MIN_EVENTS = 20_000
"""Fewer events cover only the opening of the shop, when it has no visitors and DynamoDB would get no events."""


def command(
    runs: Annotated[
        int, typer.Option(min=1, help="Number of measurements per stage. The table shows the medians.")
    ] = 3,
    events: Annotated[int, typer.Option(min=MIN_EVENTS, help="Number of events per measurement.")] = EVENTS,
    only: Annotated[
        str,
        typer.Option(
            metavar="STAGE,…",
            help="Comma-separated: columns, encode, publish, read, lake, postgres, dynamodb, mongo, redis, latency,"
            " whole, verify, warehouse, demo. If empty: all except warehouse and demo, which take minutes.",
        ),
    ] = "",
    verify_events: Annotated[
        int | None, typer.Option(min=MIN_EVENTS, help="Number of events for the verify stage. Default: --events.")
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for a flame graph of each stage (py-spy). It slows the stages down."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON with every measurement.")] = False,
) -> None:
    """Measure the speed of each stage and of the whole path, and compare it with a limit from the same run.

    It starts its own stack in a temporary folder and removes it at the end. Ctrl-C prints the measurements made so
    far. Each measurement runs in its own process, without the time for imports and connections. Other programs on the
    machine affect wall-clock times; ratios and CPU times are affected less.

    Example: shoplake bench --only publish,read,postgres --runs 5
    """
    import sys

    from shoplake.bench import stages
    from shoplake.bench.machine import machine
    from shoplake.bench.profile import profiler
    from shoplake.bench.report import document, row
    from shoplake.bench.runner import bench
    from shoplake.cli.version import describe

    wanted = stages.named(only)
    here = machine()
    events_of_stage = {stage.name: events for stage in wanted} | {"verify": verify_events or events}

    def report_progress(text: str) -> None:
        print(f"  {text}", file=sys.stderr, flush=True)

    results = bench(wanted, runs, events_of_stage, here.cores, report_progress, profiler(profile) if profile else None)
    by_name = {stage.name: stage for stage in wanted}
    measured: list[Measured] = []
    try:
        for one in results:
            measured.append(one)
    finally:  # keep the measurements made before a stop or an error: they took minutes
        if json:
            _print_json(here, describe(), runs, document(by_name, measured))
        elif measured:
            _print_table(here, describe(), runs, [row(by_name[one.stage], one) for one in measured])


def _print_json(here: Machine, version: str, runs: int, stages: list[dict[str, object]]) -> None:
    import msgspec

    found = {"version": version, "machine": msgspec.to_builtins(here), "runs": runs, "stages": stages}
    print(msgspec.json.encode(found).decode())


def _print_table(here: Machine, version: str, runs: int, rows: list[Row]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from shoplake.bench.report import COLUMNS, LEGEND

    console = Console(highlight=False)
    table = Table("", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for column in COLUMNS:
        table.add_column(column, justify="right", overflow="fold")
    for one in rows:
        table.add_row(one.stage.name, *one.cells)
    console.print(table)
    for line in LEGEND:
        console.print(line.format(runs=f"{runs} runs" if runs > 1 else "one run"))
    for one in rows:
        first, *more = one.notes
        console.print(f"\n[bold]{one.stage.name}[/bold]: {first}")
        verdict = {None: "", True: ": [green]met[/green]", False: ": [red]missed[/red]"}[one.met]
        for line in (*more, f"target on two processors: {one.stage.aim}{verdict}"):
            console.print(f"  {line}")
    memory, libraries = f"{here.memory_bytes / 1e9:.0f} GB", ", ".join(f"{n} {v}" for n, v in here.libraries.items())
    console.print(
        f"\n{here.cpu}, {here.cores} processors, {memory}, load before the run {here.load:.1f}, {here.system}"
    )
    console.print(f"{version}, {libraries}")
