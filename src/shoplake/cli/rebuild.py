"""`shoplake rebuild`: empty a store and reload it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shoplake.cli.confirm import Yes, ask

if TYPE_CHECKING:
    from shoplake.streaming.rebuild import Rebuilt


def command(
    store: Annotated[str, typer.Argument(help="redis, dynamodb, mongo or postgres.")],
    source: Annotated[
        str,
        typer.Option(
            "--from", help="Source of the events. auto: the lake for events that the log no longer has, then the log."
        ),
    ] = "auto",
    restart: Annotated[
        bool, typer.Option("--restart", help="Start over instead of resuming an interrupted rebuild.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
    environment: Annotated[str, typer.Option(help="Environment to use.")] = "local",
    yes: Yes = False,
) -> None:
    """Empty a store and reload it from the log or the lake.

    The store's sink may run meanwhile: it is fenced at the start and resumes by itself. Ctrl-C stops the rebuild; the
    same command resumes it.

    Example: shoplake rebuild redis
    """
    import asyncio
    import dataclasses
    import json as jsonlib

    from shoplake import environments
    from shoplake.cli.progress import rebuilding
    from shoplake.errors import UsageError
    from shoplake.streaming.rebuild import SOURCES, rebuild, refuse_unknown
    from shoplake.streaming.signals import stopped_by_signals

    chosen = next((known for known in SOURCES if known == source), None)
    if chosen is None:
        raise UsageError(f"expected --from {', '.join(SOURCES)}, found '{source}'")

    async def run() -> Rebuilt:
        with stopped_by_signals() as stopping, rebuilding() as watch:
            return await rebuild(settings, store, source=chosen, restart=restart, stopping=stopping, watch=watch)

    refuse_unknown(store)
    ask(f"This empties {store} of '{environment}' and reloads it. Readers miss data until it is complete.", yes=yes)
    settings = environments.connect(environment, (environments.LOG, store))
    done = asyncio.run(run())
    if json:
        print(jsonlib.dumps({"store": store, **dataclasses.asdict(done)}))
        return
    typer.echo(f"{store} is rebuilt{' (resumed an interrupted rebuild)' if done.resumed else ''}")
    typer.echo(f"{done.from_lake:,} offsets came from the lake; the log is applied up to {done.offsets:,}")
