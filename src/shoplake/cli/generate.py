"""`shoplake generate`: simulate a shop into Kafka or into files. It is a group, because it has subcommands."""

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
HOW_MUCH, HOW_FAST, TO_FILES = "How much", "Speed (Kafka only)", "Write files instead of Kafka"

app = typer.Typer(invoke_without_command=True, subcommand_metavar="[COMMAND]")


@app.callback()
def command(
    context: typer.Context,
    scenario: Annotated[str, typer.Option(help="Name of a shipped scenario, or path of a .yaml file.")] = "demo",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation. The same seed gives the same events.")] = 7,
    start: Annotated[str, typer.Option(metavar="DATE", help="Opening day of the shop. Default: the scenario's.")] = "",
    events: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"Total number of events since the start of the simulation. Default: {EVENTS:,}.",
            rich_help_panel=HOW_MUCH,
        ),
    ] = None,
    more: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Number of events to add to those in the log. Excludes --events.",
            rich_help_panel=HOW_MUCH,
        ),
    ] = None,
    days: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Total number of simulated days. With --events, the first limit applies.",
            rich_help_panel=HOW_MUCH,
        ),
    ] = None,
    topics: Annotated[
        str,
        typer.Option(
            help="Comma-separated: customers, products, orders, inventory, clicks, reviews. All if empty.",
            rich_help_panel=HOW_MUCH,
        ),
    ] = "",
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Show how many events it would publish. Nothing is published.", rich_help_panel=HOW_MUCH
        ),
    ] = False,
    live: Annotated[
        bool,
        typer.Option(
            "--live", help="Publish past events at once, then each event at its time.", rich_help_panel=HOW_FAST
        ),
    ] = False,
    speed: Annotated[
        str, typer.Option(metavar="60x", help="Run the shop's clock this many times faster.", rich_help_panel=HOW_FAST)
    ] = "",
    rate: Annotated[
        str,
        typer.Option(
            metavar="2000/s",
            help="Maximum number of events per second. Default: max; with --live: 2000/s.",
            rich_help_panel=HOW_FAST,
        ),
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Show a sample of the events during the run.")] = False,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Number of processes. It does not change the events.")
    ] = 1,
    faults_out: Annotated[
        Path | None, typer.Option(help="File that lists the fault of each faulty event: .jsonl or .parquet.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Output folder. No stack is needed.", rich_help_panel=TO_FILES)
    ] = None,
    format: Annotated[str, typer.Option(help="File format.", rich_help_panel=TO_FILES)] = "jsonl",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the files in the folder.", rich_help_panel=TO_FILES)
    ] = False,
    engine: Annotated[
        str, typer.Option(help="spark runs the lanes as Spark tasks. The output is the same.", rich_help_panel=TO_FILES)
    ] = "local",
    spark_master: Annotated[
        str,
        typer.Option(help="URL of the Spark master. Default: local, with --workers cores.", rich_help_panel=TO_FILES),
    ] = "",
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Run in the background; `stop`, `status` and `logs` find it.")
    ] = False,
    environment: Annotated[str, typer.Option(help="Environment to publish to.")] = "local",
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON at the end.")] = False,
) -> None:
    """Simulate a shop and publish its events to Kafka or write them to files.

    Each window of events is one Kafka transaction. After a stop, the same command continues.

    Examples: shoplake generate --days 30 --dry-run; shoplake generate --live --start 2026-09-01 --watch;
    shoplake generate --events 200000 --out shop --format parquet
    """
    if context.invoked_subcommand is not None:
        return
    from shoplake import background
    from shoplake.cli import detach as detached
    from shoplake.errors import UsageError
    from shoplake.publish.rate_limit import LIVE_RATE_PER_S, Pace, parse_rate, parse_speed
    from shoplake.publish.run import Run, end_of, load_scenario, topics_named

    shop = load_scenario(scenario, start)
    until_ms = end_of(shop, days) if days is not None else None
    if more is not None and (events is not None or out is not None or dry_run):
        raise UsageError(
            "expected --more alone, found it with --events, --out or --dry-run: it counts from the events in Kafka",
            fix="remove --more or the other option",
        )
    if events is None and days is None and more is None and not live:
        events = EVENTS
    run = Run(shop, seed, events, workers, until_ms, topics_named(topics))
    per_s = parse_rate(rate) if rate else LIVE_RATE_PER_S if live else None
    pace = Pace(live, parse_speed(speed) if speed else None, per_s)
    if out is not None and (live or speed or rate):
        raise UsageError(
            "--live, --speed and --rate apply to Kafka only, found --out", fix="remove them, or remove --out"
        )
    if engine not in ENGINES:
        raise UsageError(f"--engine: expected one of {', '.join(ENGINES)}, found '{engine}'")
    if engine == "spark" and (out is None or format != "jsonl" or watch or faults_out is not None):
        raise UsageError(
            "--engine spark only writes JSON lines to a folder", fix="add --out; remove --format, --watch, --faults-out"
        )
    if detach and (out is not None or dry_run):
        raise UsageError("--detach publishes to Kafka, found --out or --dry-run", fix="remove one of them")
    if detach and not background.inside():
        detached.start("generate", json=json)
        return
    if dry_run:
        from shoplake.publish.estimate import forecast

        made = forecast(run)
        if json:
            _print_result(True, _as_json(run, made), "")
        else:
            _print_forecast(run, made)
    elif out is not None:
        if engine == "spark":
            counts = _write_by_spark(run, out, overwrite=overwrite, master=spark_master or None)
        else:
            counts = _write(run, out, format, overwrite=overwrite, watch=watch, faults_out=faults_out)
        events_in_all = sum(counts.values())
        found = {"events": events_in_all, "topics": dict(counts)}
        _print_result(json, found, f"{counted(events_in_all, 'event')} in {out}")
    else:
        done, published = _publish(run, pace, environment, more=more, watch=watch, faults_out=faults_out)
        found = {"events": done.events, "publisher": done.publisher, "published": published}
        _print_result(json, found, _result(run, done, published))


def _result(run: Run, done: Published, published: int) -> str:
    """Describe the result. If nothing was published, say why and which option to use."""
    in_log = f"{counted(done.events, 'event')} of '{done.publisher}' are in the log"
    if published:
        return in_log
    if run.events is None:
        return f"nothing to do: {in_log} already, for all requested days; --days counts from the start"
    return (
        f"nothing to do: {in_log} already, and --events counts from the start\n"
        f"  what to do: use --more {EVENTS} or --events {done.events + EVENTS}"
    )


def _print_result(as_json: bool, found: Mapping[str, object], text: str) -> None:
    import json

    typer.echo(json.dumps(found) if as_json else text)


def _write(
    run: Run, out: Path, format: str, *, overwrite: bool, watch: bool, faults_out: Path | None
) -> Mapping[str, int]:
    from shoplake.cli.publish_progress import publishing
    from shoplake.publish import files
    from shoplake.publish.fault_ledger import fault_ledger
    from shoplake.publish.run import all_of

    with (
        publishing(run, sample=watch) as progress,
        fault_ledger(run, faults_out, keep_when_interrupted=False) as ledger,
    ):
        watches = all_of([progress, ledger])
        return files.write_run(run, out, format, overwrite=overwrite, watch=watches)


def _write_by_spark(run: Run, out: Path, *, overwrite: bool, master: str | None) -> Mapping[str, int]:
    from shoplake.publish import spark

    return spark.write_run(run, out, overwrite=overwrite, master=master)


def _publish(
    run: Run, pace: Pace, environment: str, *, more: int | None, watch: bool, faults_out: Path | None
) -> tuple[Published, int]:
    """Publish the run. Return its progress and the number of events published by this call."""
    import asyncio
    import dataclasses
    import os

    from shoplake import background, environments, failpoints, run_log
    from shoplake.cli.publish_progress import publishing
    from shoplake.publish.fault_ledger import fault_ledger
    from shoplake.publish.kafka import publish
    from shoplake.publish.progress_records import read_progress
    from shoplake.publish.run import all_of

    failpoints.arm(os.environ)
    cluster = environments.kafka_cluster(environment)
    if more is not None:
        existing = asyncio.run(read_progress(cluster)).get(run.publisher)
        run = dataclasses.replace(run, events=more + (existing.events if existing else 0))
    initial: list[int] = []

    def note_initial(events: int, _: object) -> None:
        if not initial:
            initial.append(events)
            background.working()

    def show(events: int, window: EncodedWindow | None) -> None:
        if window is not None or run.events is None or events < run.events:  # otherwise there is no progress to show
            progress(events, window)

    with (
        publishing(run, sample=watch) as progress,
        fault_ledger(run, faults_out, keep_when_interrupted=True) as ledger,
        run_log.recording("generate", environment=environment) as results,
    ):
        done = asyncio.run(publish(cluster, run, pace=pace, watch=all_of([note_initial, show, ledger])))
        results["generate"].counts = {"events": done.events - initial[0]}
    return done, done.events - initial[0]


def _as_json(run: Run, made: Forecast) -> Mapping[str, object]:
    topics = {
        topic: {"events": made.records[topic], "bytes": made.size_bytes[topic], "faults": made.faults[topic]}
        for topic in run.topics
    }
    return {"exact": made.exact, "days": made.days, "topics": topics}


def _print_forecast(run: Run, made: Forecast) -> None:
    from rich.console import Console

    from shoplake.text_tables import table

    forecast = table("topic", numbers=("events", "bytes", "faults"))
    for topic in run.topics:
        forecast.add_row(topic, *(f"{counts[topic]:,}" for counts in (made.records, made.size_bytes, made.faults)))
    totals = (sum(counts.values()) for counts in (made.records, made.size_bytes, made.faults))
    forecast.add_row("total", *(f"{total:,}" for total in totals), style="bold")
    console = Console()
    console.print(forecast)
    how = "exact, from a full simulation; nothing was published" if made.exact else _estimate_basis(run, made)
    console.print(f"{made.days:,.1f} days from {run.scenario.start}: {how}", highlight=False)


def _estimate_basis(run: Run, made: Forecast) -> str:
    part = "" if made.share == 1 else f" over the first {made.share:.1%}"
    return f"estimated from {made.lanes} of {run.scenario.lanes} lanes{part}; nothing was published"
