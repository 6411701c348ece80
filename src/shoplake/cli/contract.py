"""`shoplake contract`: the events as JSON Schema, and whether they may change as they have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def options() -> None:
    """The contract: which events there are, whether a change of them can follow the log, and which is in force."""


@app.command("export")
def export(
    out: Annotated[Path | None, typer.Option(help="File to write; stdout if not given.")] = None,
) -> None:
    """Print all topics with their keys, and each event's JSON Schema.

    Example: shoplake contract export | jq '.topics.orders.events.order_placed'
    """
    from shoplake.contract import export
    from shoplake.contract.schema import to_text
    from shoplake.errors import UsageError

    text = to_text(export())
    if out is None:
        print(text, end="")
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error}") from error


@app.command("check")
def check(
    against: Annotated[
        str, typer.Option(help="A git ref, a folder or a JSON file; the accepted contract if not given.")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout.")] = False,
) -> None:
    """Compare the contract with an older one. Exit 1 where it cannot follow it: nothing has reached a store then.

    Example: shoplake contract check --against origin/main
    """
    import dataclasses
    import json as jsonlib

    from shoplake import contract_baseline
    from shoplake.contract import compatibility, export

    changes = compatibility.compare(contract_baseline.load(against), export())
    if json:
        print(jsonlib.dumps({"changes": [dataclasses.asdict(change) for change in changes]}))
    else:
        for change in changes:
            if change.compatible:
                typer.echo(str(change))
    contract_baseline.refuse_incompatible(changes)
    if not json:
        typer.echo(f"compatible: {len(changes)} changes" if changes else "the same contract")


@app.command("activate")
def activate(
    environment: Annotated[str, typer.Option(help="Whose log.")] = "local",
) -> None:
    """Bring this program's contract into force in the log, from the present end of each partition on.

    The publisher of a newer contract does it by itself. Harmless when repeated.

    Example: shoplake contract activate
    """
    import asyncio
    import os

    from shoplake import contract_log, environments, failpoints
    from shoplake.contract.schema import own_version

    failpoints.arm(os.environ)
    newest = asyncio.run(contract_log.activate(environments.kafka_cluster(environment)))
    own = own_version()
    note = "" if newest.version == own else f"; this program knows version {own}, whose events fit it"
    typer.echo(f"contract version {newest.version} ({newest.digest}) is in force{note}")


@app.command("accept")
def accept(
    incompatible: Annotated[
        bool, typer.Option("--incompatible", help="Also what cannot follow it: only where every log starts anew.")
    ] = False,
) -> None:
    """Make the contract as it is now the accepted one, under the next number; later ones are checked against it.

    Commit the file.

    Example: shoplake contract accept
    """
    from shoplake import contract_baseline

    for change in contract_baseline.accept(incompatible=incompatible):
        typer.echo(str(change))
    typer.echo(f"wrote {contract_baseline.SHIPPED}")
