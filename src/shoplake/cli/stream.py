"""`shoplake stream`: write events from Kafka to the stores."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer

from shoplake.terminal import counted

OPEN_FOR_S = 10.0  # a publisher's own transaction is open for less than this


def command(
    sinks: Annotated[
        str,
        typer.Option(
            help="Comma-separated: lake, postgres, dynamodb, mongo, redis, or sinks of other packages; or none."
            " The five if empty."
        ),
    ] = "",
    dead_letters: Annotated[
        bool,
        typer.Option(
            "--dead-letters/--no-dead-letters",
            help="Also copy records that are not valid events to the dead-letter topic.",
        ),
    ] = True,
    workers: Annotated[
        int,
        typer.Option(
            min=1, help="Processes per sink. If the same command runs on another machine, both share the partitions."
        ),
    ] = 1,
    metrics_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Serve Prometheus metrics on this port of 127.0.0.1.")
    ] = None,
    until_caught_up: Annotated[
        bool, typer.Option("--until-caught-up", help="Exit when every event in the log is in the stores.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="If the environment is not applied yet, wait until it is.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Run in the background; `stop`, `status` and `logs` find it.")
    ] = False,
    environment: Annotated[str, typer.Option(help="Environment to use.")] = "local",
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON at the end.")] = False,
) -> None:
    """Write events from Kafka to the stores, with one or more processes per sink, until stopped.

    After a stop or a kill, each sink resumes from the checkpoint in its store.

    Example: shoplake stream --sinks postgres --workers 4 --metrics-port 9464
    """
    import asyncio
    import contextlib
    import json as jsonlib

    from shoplake import background, environments, open_transactions
    from shoplake.cli import detach as detached
    from shoplake.cli.progress import watching_sinks
    from shoplake.contract import TOPICS
    from shoplake.errors import InfraError, StreamHalted
    from shoplake.sinks import named
    from shoplake.streaming import heartbeat, metrics
    from shoplake.streaming.supervisor import WorkerView, stream
    from shoplake.streaming.worker import DEAD_LETTERS
    from shoplake.streaming.worker_reports import Progress

    names = [] if sinks == "none" else named(sinks)
    if detach and not background.inside():
        detached.start("stream", json=json)
        return
    beside = (DEAD_LETTERS,) if dead_letters else ()
    uses = (environments.LOG, *names)
    with contextlib.ExitStack() as stack:
        watch = stack.enter_context(watching_sinks())
        if metrics_port is not None:
            watch = stack.enter_context(metrics.serving(metrics_port, watch))
        watch = stack.enter_context(heartbeat.beating(watch))

        def waiting(error: InfraError) -> None:
            missing = error.message.splitlines()[0].rstrip(":")
            progress = Progress(state="waiting", waiting_for=f"settings: {missing}")
            watch([WorkerView(name, progress) for name in (*names, *beside)])

        if wait:
            environments.connect_when_applied(environment, waiting, uses)
        else:
            environments.connect(environment, uses)
        log = environments.connect(environment, {environments.LOG}).kafka
        background.working()

        def report(hidden: open_transactions.OpenTransaction) -> None:
            typer.echo(f"warning: {hidden}\n  what to do: {open_transactions.FIX}", err=True)

        async def run() -> Sequence[WorkerView]:
            run_once = partial(stream, names, beside=beside, workers=workers, environment=environment, watch=watch)
            if not until_caught_up:
                reporting = asyncio.create_task(open_transactions.watch(log, list(TOPICS), report, OPEN_FOR_S))
                try:
                    return await run_once(until_caught_up=False)
                finally:
                    reporting.cancel()
            views = await run_once(until_caught_up=True)
            if not await open_transactions.find(log, TOPICS):
                return views
            if hidden := await open_transactions.find_lasting(log, list(TOPICS), OPEN_FOR_S):
                behind = "\n".join(map(str, hidden))
                raise StreamHalted(
                    f"all readable events are in the stores, but the log has more:\n{behind}", fix=open_transactions.FIX
                )
            return await run_once(until_caught_up=True)  # the transaction has ended, so its events are readable now

        views = asyncio.run(run())
    if json:
        found = {
            str(v): {"events": v.progress.applied, "lag": v.progress.lag, "state": v.progress.state} for v in views
        }
        typer.echo(jsonlib.dumps(found))
        return
    for view in views:
        typer.echo(
            f"{view}: {counted(view.progress.applied, 'record')}, lag {view.progress.lag:,}, {view.progress.state}"
        )
