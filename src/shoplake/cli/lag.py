"""`shoplake lag`: how far each store is behind the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shoplake.open_transactions import OpenTransaction
    from shoplake.streaming.lag import SinkLag

OPEN_FOR_S = 2.0  # a publisher's own transaction is open for less than this


def command(
    sinks: Annotated[
        str,
        typer.Option(help="Comma-separated: lake, postgres, dynamodb, mongo, redis. If empty: all, and dead letters."),
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON, with each partition.")] = False,
    environment: Annotated[str, typer.Option(help="Environment to use.")] = "local",
) -> None:
    """Show how many events each store is behind the log. Exits 1 if a store does not answer.

    Example: shoplake lag --json | jq '.postgres.lag'
    """
    import asyncio

    from shoplake import open_transactions
    from shoplake.contract import TOPICS
    from shoplake.environments import LOG, connect
    from shoplake.invocation import as_typed
    from shoplake.sinks import named
    from shoplake.streaming.lag import lags
    from shoplake.streaming.worker import DEAD_LETTERS

    names = named(sinks) if sinks else [*named(""), DEAD_LETTERS]
    settings = connect(environment, {LOG})
    found = asyncio.run(lags(settings, names))
    hidden = asyncio.run(open_transactions.find_lasting(settings.kafka, list(TOPICS), OPEN_FOR_S))
    if json:
        _print_json(found, hidden)
    else:
        _print_table(found)
        for transaction in hidden:
            typer.echo(f"{transaction}; the lag does not include them\n  what to do: {open_transactions.FIX}", err=True)
    problems = [sink for sink in found if sink.problem]
    if problems and not json:
        stores = ", ".join(sink.name for sink in problems)
        fix = as_typed("`shoplake status` says which servers run")
        typer.echo(f"lag unknown: {stores}\n  what to do: {fix}", err=True)
    raise typer.Exit(1 if problems else 0)


def _print_json(found: Sequence[SinkLag], hidden: Sequence[OpenTransaction]) -> None:
    import json
    from dataclasses import asdict

    document: dict[str, object] = {
        sink.name: {"problem": sink.problem}
        if sink.problem
        else {
            "lag": sink.lag,
            "partitions": {
                str(one.partition): {"next_offset": one.next_offset, "end": one.end, "lag": one.lag}
                for one in sink.partitions
            },
        }
        for sink in found
    }
    if hidden:
        document["open_transactions"] = [asdict(transaction) for transaction in hidden]
    print(json.dumps(document))


def _print_table(found: Sequence[SinkLag]) -> None:
    """Print one row per sink, and one row per partition that is behind."""
    from rich.console import Console
    from rich.markup import escape

    from shoplake.text_tables import table

    behind = any(one.lag for sink in found for one in sink.partitions)
    made = table("sink", "", numbers=("next offset", "end", "lag") if behind else ("lag",))
    gap = ["", ""] if behind else []
    for sink in found:
        late = [one for one in sink.partitions if one.lag]
        for one in late:
            offsets = (f"{one.next_offset:,}", f"{one.end:,}", f"{one.lag:,}")
            made.add_row(sink.name, str(one.partition), *offsets)
        if sink.problem:
            made.add_row(sink.name, escape(sink.problem), *gap, "", style="bold red")
        else:
            summary = f"{len(late)} of {len(sink.partitions)} partitions behind" if late else "caught up"
            made.add_row(sink.name, summary, *gap, f"{sink.lag:,}", style="bold")
    Console().print(made)
