"""`shoplake bench`: how fast the whole path is on this machine, beside its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shoplake.bench.machine import Machine
    from shoplake.bench.report import Row

EVENTS = 500_000


def command(
    runs: Annotated[int, typer.Option(min=1, help="Measurements of each stage; the table has medians.")] = 3,
    events: Annotated[int, typer.Option(min=1000, help="Events of each measurement.")] = EVENTS,
    only: Annotated[
        str,
        typer.Option(
            metavar="STAGE,…",
            help="Comma-separated: columns, encode, publish, read, lake, postgres, dynamodb, mongo, redis, latency,"
            " whole, verify, demo. All but demo, which takes minutes, if empty.",
        ),
    ] = "",
    verify_events: Annotated[
        int | None, typer.Option(min=1000, help="Events that `verify` has to prove; --events if not given.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout, every measurement in it.")] = False,
) -> None:
    """Measure each part of the path, and all of it at once, beside a limit measured in the same run.

    It starts a stack of its own in a temporary folder and removes it at the end, also on Ctrl-C. Each measurement is a
    process of its own; imports and connections are not counted. The wall clock suffers from whatever else runs on the
    machine, ratios and CPU times less.

    Example: shoplake bench --only publish,read,postgres --runs 5
    """
    import sys

    from shoplake.bench import stages
    from shoplake.bench.machine import machine
    from shoplake.bench.report import document, row
    from shoplake.bench.run import bench
    from shoplake.cli.version import describe

    wanted = stages.named(only)
    here = machine()
    of_stage = {stage.name: events for stage in wanted} | {"verify": verify_events or events}
    found = bench(wanted, runs, of_stage, here.cores, lambda text: print(f"  {text}", file=sys.stderr, flush=True))
    by_name = {stage.name: stage for stage in wanted}
    measured = list(found)
    if json:
        _print_json(here, describe(), runs, document(by_name, measured))
    else:
        _print_table(here, describe(), runs, [row(by_name[one.stage], one) for one in measured])


def _print_json(here: Machine, version: str, runs: int, stages: list[dict[str, object]]) -> None:
    import msgspec

    found = {"version": version, "machine": msgspec.to_builtins(here), "runs": runs, "stages": stages}
    print(msgspec.json.encode(found).decode())


def _print_table(here: Machine, version: str, runs: int, rows: list[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    from shoplake.bench.report import COLUMNS

    console = Console()
    table = Table("stage", show_lines=True)
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "aim" else "right")
    for one in rows:
        *cells, aim = one.cells
        verdict = {None: "", True: "[green]met[/green]: ", False: "[red]missed[/red]: "}[one.met]
        text = "\n".join([one.stage.what, *(f"[dim]{line}[/dim]" for line in (one.stage.limit, *one.notes) if line)])
        table.add_row(text, *cells, verdict + aim)
    console.print(table)
    cores, memory = f"{here.cores} processors", f"{here.memory_bytes / 1e9:.0f} GB"
    console.print(f"{here.cpu}, {cores}, {memory}, load before {here.load:.1f}, {here.system}", highlight=False)
    console.print(version, ", ".join(f"{name} {found}" for name, found in here.libraries.items()), highlight=False)
    console.print(
        f"medians of {runs} runs (least–most); µs per event; the limit of a stage is in its second line",
        highlight=False,
    )
