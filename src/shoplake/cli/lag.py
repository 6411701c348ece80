"""`shoplake lag`: how far each store is behind the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shoplake.streaming.lag import SinkLag


def command(
    sinks: Annotated[
        str,
        typer.Option(help="Comma-separated: lake, postgres, dynamodb, mongo, redis. All and dead letters if empty."),
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout, partition by partition.")] = False,
    environment: Annotated[str, typer.Option(help="Whose Kafka and stores.")] = "local",
) -> None:
    """Ask every store how far it is, and Kafka where the log ends. Exit 1 where a store did not answer.

    Example: shoplake lag --json | jq '.postgres.lag'
    """
    import asyncio

    from shoplake.platform import connect
    from shoplake.sinks import named
    from shoplake.streaming.lag import lags
    from shoplake.streaming.worker import DEAD_LETTERS

    names = named(sinks) if sinks else [*named(""), DEAD_LETTERS]
    found = asyncio.run(lags(connect(environment), names))
    if json:
        _print_json(found)
    else:
        _print_table(found)
    raise typer.Exit(1 if any(sink.problem for sink in found) else 0)


def _print_json(found: Sequence[SinkLag]) -> None:
    import json

    document = {
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
    print(json.dumps(document))


def _print_table(found: Sequence[SinkLag]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("sink", "partition")
    for name in ("next offset", "end", "lag"):
        table.add_column(name, justify="right")
    for sink in found:
        behind = [one for one in sink.partitions if one.lag]
        for one in behind:
            table.add_row(sink.name, str(one.partition), f"{one.next_offset:,}", f"{one.end:,}", f"{one.lag:,}")
        summary = sink.problem or f"{len(behind)} of {len(sink.partitions)} behind"
        table.add_row(sink.name, summary, "", "", "" if sink.problem else f"{sink.lag:,}", style="bold")
        table.add_section()
    Console().print(table)
