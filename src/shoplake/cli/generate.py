"""`shoplake generate`: simulates a shop into Kafka or into files. A group, so that it can have commands of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shoplake.terminal import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shoplake.publish.estimate import Forecast
    from shoplake.publish.progress_records import Published
    from shoplake.publish.rate_limit import Pace
    from shoplake.publish.run import Run
    from shopsim import EncodedWindow

EVENTS = 200_000
ENGINES = ("local", "spark")
HOW_MUCH, HOW_FAST, WHERE_TO = "How much", "How fast, into Kafka", "Into files instead of Kafka"

app = typer.Typer(invoke_without_command=True, subcommand_metavar="[COMMAND]")


@app.callback()
def command(
    context: typer.Context,
    scenario: Annotated[str, typer.Option(help="Name of a shipped scenario, or path of a .yaml file.")] = "demo",
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another shop.")] = 7,
    start: Annotated[str, typer.Option(metavar="DATE", help="The shop opens on this day, not the scenario's.")] = "",
    events: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"Events in all, from the start of the simulation. {EVENTS:,} if nothing says how much.",
            rich_help_panel=HOW_MUCH,
        ),
    ] = None,
    more: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="So many events after those that are in the log, instead of --events.",
            rich_help_panel=HOW_MUCH,
        ),
    ] = None,
    days: Annotated[
        int | None,
        typer.Option(min=1, help="Days in all; with --events, what ends first.", rich_help_panel=HOW_MUCH),
    ] = None,
    topics: Annotated[
        str,
        typer.Option(
            help="Comma-separated: customers, products, orders, inventory, clicks, reviews. All if empty.",
            rich_help_panel=HOW_MUCH,
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would make, and make nothing.", rich_help_panel=HOW_MUCH)
    ] = False,
    live: Annotated[
        bool,
        typer.Option(
            "--live", help="What was until now at once, then each event at its time.", rich_help_panel=HOW_FAST
        ),
    ] = False,
    speed: Annotated[
        str, typer.Option(metavar="60x", help="The shop's time goes so much faster.", rich_help_panel=HOW_FAST)
    ] = "",
    rate: Annotated[
        str,
        typer.Option(
            metavar="2000/s", help="No more events than that; with --live 2000/s, else max.", rich_help_panel=HOW_FAST
        ),
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Show some of the events as they go.")] = False,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes; the events are the same for any number.")] = 1,
    faults_out: Annotated[
        Path | None, typer.Option(help="Write which event got which fault: a .jsonl or .parquet file.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The folder; needs no stack.", rich_help_panel=WHERE_TO)] = None,
    format: Annotated[str, typer.Option(help="jsonl, parquet or csv.", rich_help_panel=WHERE_TO)] = "jsonl",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what is in the folder.", rich_help_panel=WHERE_TO)
    ] = False,
    engine: Annotated[
        str, typer.Option(help="local, or spark: lanes as tasks of Spark, the same bytes.", rich_help_panel=WHERE_TO)
    ] = "local",
    spark_master: Annotated[
        str,
        typer.Option(help="Spark's; as many cores of this machine as --workers if empty.", rich_help_panel=WHERE_TO),
    ] = "",
    environment: Annotated[str, typer.Option(help="Whose Kafka.")] = "local",
    json: Annotated[bool, typer.Option("--json", help="End with one line of JSON on stdout.")] = False,
) -> None:
    """Simulate a shop and publish it to Kafka, one transaction per window. Run again, it goes on where it stopped.

    Examples: shoplake generate --days 30 --dry-run; shoplake generate --live --start 2026-09-01 --watch;
    shoplake generate --events 200000 --out shop --format parquet
    """
    if context.invoked_subcommand is not None:
        return
    from shoplake.errors import UsageError
    from shoplake.publish.rate_limit import LIVE_RATE_PER_S, Pace, parse_rate, parse_speed
    from shoplake.publish.run import Run, end_of, load_scenario, topics_named

    shop = load_scenario(scenario, start)
    until_ms = end_of(shop, days) if days is not None else None
    if more is not None and (events is not None or out is not None or dry_run):
        raise UsageError(
            "--more counts from what is in Kafka, found beside it --events, --out or --dry-run",
            fix="leave it out, or leave the other out",
        )
    if events is None and days is None and more is None and not live:
        events = EVENTS
    run = Run(shop, seed, events, workers, until_ms, topics_named(topics))
    per_s = parse_rate(rate) if rate else LIVE_RATE_PER_S if live else None
    pace = Pace(live, parse_speed(speed) if speed else None, per_s)
    if out is not None and (live or speed or rate):
        raise UsageError("--live, --speed and --rate pace what goes to Kafka", fix="leave them out, or leave out --out")
    if engine not in ENGINES:
        raise UsageError(f"--engine: expected one of {', '.join(ENGINES)}, found '{engine}'")
    if engine == "spark" and (out is None or format != "jsonl" or watch or faults_out is not None):
        raise UsageError(
            "--engine spark writes JSON lines into a folder", fix="add --out, leave out --format, --watch, --faults-out"
        )
    if dry_run:
        from shoplake.publish.estimate import forecast

        made = forecast(run)
        if json:
            _say(True, _as_json(run, made), "")
        else:
            _print(run, made)
    elif out is not None:
        if engine == "spark":
            counts = _write_by_spark(run, out, overwrite=overwrite, master=spark_master or None)
        else:
            counts = _write(run, out, format, overwrite=overwrite, watch=watch, faults_out=faults_out)
        events_in_all = sum(counts.values())
        found = {"events": events_in_all, "topics": dict(counts)}
        _say(json, found, f"{counted(events_in_all, 'event')} in {out}")
    else:
        done, published = _publish(run, pace, environment, more=more, watch=watch, faults_out=faults_out)
        found = {"events": done.events, "publisher": done.publisher, "published": published}
        _say(json, found, _result(run, done, published))


def _result(run: Run, done: Published, published: int) -> str:
    """What there is now; where nothing came to it, why, and what to say instead."""
    there = f"{counted(done.events, 'event')} of '{done.publisher}' are in the log"
    if published:
        return there
    if run.events is None:
        return f"nothing to do: {there} already, all of the days that were asked for; --days counts from the start"
    return (
        f"nothing to do: {there} already, and --events counts from the start\n"
        f"  what to do: --more {EVENTS} adds to them; --events {done.events + EVENTS} is the same"
    )


def _say(as_json: bool, found: Mapping[str, object], text: str) -> None:
    import json

    typer.echo(json.dumps(found) if as_json else text)


def _write(
    run: Run, out: Path, format: str, *, overwrite: bool, watch: bool, faults_out: Path | None
) -> Mapping[str, int]:
    from shoplake.cli.publish_progress import publishing
    from shoplake.publish import files
    from shoplake.publish.fault_ledger import told
    from shoplake.publish.run import all_of

    with publishing(run, sample=watch) as progress, told(run, faults_out, keep_when_interrupted=False) as ledger:
        watches = all_of([progress, ledger])
        return files.write_run(run, out, format, overwrite=overwrite, watch=watches)


def _write_by_spark(run: Run, out: Path, *, overwrite: bool, master: str | None) -> Mapping[str, int]:
    from shoplake.publish import spark

    return spark.write_run(run, out, overwrite=overwrite, master=master)


def _publish(
    run: Run, pace: Pace, environment: str, *, more: int | None, watch: bool, faults_out: Path | None
) -> tuple[Published, int]:
    """How far the log is then, and how many events came to it now."""
    import asyncio
    import dataclasses
    import os

    from shoplake import environments, failpoints
    from shoplake.cli.publish_progress import publishing
    from shoplake.publish.fault_ledger import told
    from shoplake.publish.kafka import publish
    from shoplake.publish.progress_records import read_progress
    from shoplake.publish.run import all_of

    failpoints.arm(os.environ)
    cluster = environments.kafka_cluster(environment)
    if more is not None:
        there = asyncio.run(read_progress(cluster)).get(run.publisher)
        run = dataclasses.replace(run, events=more + (there.events if there else 0))
    begun: list[int] = []

    def note(events: int, _: object) -> None:
        if not begun:
            begun.append(events)

    def show(events: int, window: EncodedWindow | None) -> None:
        if window is not None or run.events is None or events < run.events:  # else there is no progress to show
            progress(events, window)

    with publishing(run, sample=watch) as progress, told(run, faults_out, keep_when_interrupted=True) as ledger:
        done = asyncio.run(publish(cluster, run, pace=pace, watch=all_of([note, show, ledger])))
    return done, done.events - begun[0]


def _as_json(run: Run, made: Forecast) -> Mapping[str, object]:
    topics = {
        topic: {"events": made.records[topic], "bytes": made.size_bytes[topic], "faults": made.faults[topic]}
        for topic in run.topics
    }
    return {"exact": made.exact, "days": made.days, "topics": topics}


def _print(run: Run, made: Forecast) -> None:
    from rich.console import Console

    from shoplake.text_tables import table

    forecast = table("topic", numbers=("events", "bytes", "faults"))
    for topic in run.topics:
        forecast.add_row(topic, *(f"{counts[topic]:,}" for counts in (made.records, made.size_bytes, made.faults)))
    totals = (sum(counts.values()) for counts in (made.records, made.size_bytes, made.faults))
    forecast.add_row("in all", *(f"{total:,}" for total in totals), style="bold")
    console = Console()
    console.print(forecast)
    how = "all of it simulated, nothing published" if made.exact else _estimated(run, made)
    console.print(f"{made.days:,.1f} days from {run.scenario.start}: {how}", highlight=False)


def _estimated(run: Run, made: Forecast) -> str:
    part = "" if made.share == 1 else f" over the first {made.share:.1%}"
    return f"about, from {made.lanes} of the shop's {run.scenario.lanes} lanes{part}; nothing published"
