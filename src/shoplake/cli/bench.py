"""`shoplake bench`: how fast the whole path is on this machine, beside its limits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shoplake.bench.machine import Machine
    from shoplake.bench.report import Row
    from shoplake.bench.results import Measured

EVENTS = 200_000
LEAST_EVENTS = 20_000
"""Fewer are the shop's opening, in which nobody visits it yet, so that DynamoDB would have none."""


def command(
    runs: Annotated[int, typer.Option(min=1, help="Measurements of each stage; the table has medians.")] = 3,
    events: Annotated[int, typer.Option(min=LEAST_EVENTS, help="Events of each measurement.")] = EVENTS,
    only: Annotated[
        str,
        typer.Option(
            metavar="STAGE,…",
            help="Comma-separated: columns, encode, publish, read, lake, postgres, dynamodb, mongo, redis, latency,"
            " whole, verify, demo. All but demo, which takes minutes, if empty.",
        ),
    ] = "",
    verify_events: Annotated[
        int | None, typer.Option(min=LEAST_EVENTS, help="Events that `verify` has to prove; --events if not given.")
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Draw a flame graph of each stage there, with py-spy; figures suffer from it."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout, every measurement in it.")] = False,
) -> None:
    """Measure each part of the path, and all of it at once, beside a limit measured in the same run.

    It starts a stack of its own in a temporary folder and removes it at the end, also on Ctrl-C, which shows what was
    measured until then. Each measurement is a process of its own; imports and connections are not counted. The wall
    clock suffers from whatever else runs on the machine, ratios and CPU times less.

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
    of_stage = {stage.name: events for stage in wanted} | {"verify": verify_events or events}

    def say(text: str) -> None:
        print(f"  {text}", file=sys.stderr, flush=True)

    found = bench(wanted, runs, of_stage, here.cores, say, profiler(profile) if profile else None)
    by_name = {stage.name: stage for stage in wanted}
    measured: list[Measured] = []
    try:
        for one in found:
            measured.append(one)
    finally:  # what was measured before it was stopped, or failed, took its minutes too
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
        for line in (*more, f"aim on two processors: {one.stage.aim}{verdict}"):
            console.print(f"  {line}")
    memory, libraries = f"{here.memory_bytes / 1e9:.0f} GB", ", ".join(f"{n} {v}" for n, v in here.libraries.items())
    console.print(f"\n{here.cpu}, {here.cores} processors, {memory}, load before {here.load:.1f}, {here.system}")
    console.print(f"{version}, {libraries}")
