"""`shoplake rebuild`: empties a store and fills it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shoplake.cli.confirm import Yes, ask

if TYPE_CHECKING:
    from shoplake.streaming.rebuild import Rebuilt


def command(
    store: Annotated[str, typer.Argument(help="redis, dynamodb, mongo or postgres.")],
    source: Annotated[
        str, typer.Option("--from", help="log, lake, or auto: the lake for what the log no longer has.")
    ] = "auto",
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew, also where one that was stopped could go on.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout.")] = False,
    environment: Annotated[str, typer.Option(help="Whose Kafka and stores.")] = "local",
    yes: Yes = False,
) -> None:
    """Empty a store and fill it again, exactly, while its sink may be running and events come in.

    The sink is fenced when it begins and goes on by itself. Ctrl-C stops; the same command goes on.

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
    ask(f"This empties {store} of '{environment}' and fills it again; until then its readers miss data.", yes=yes)
    settings = environments.connect(environment, (environments.LOG, store))
    done = asyncio.run(run())
    if json:
        print(jsonlib.dumps({"store": store, **dataclasses.asdict(done)}))
        return
    typer.echo(f"{store} is rebuilt{', going on with what was begun before' if done.resumed else ''}")
    typer.echo(f"{done.from_lake:,} offsets from the lake, the log is applied up to {done.offsets:,}")
