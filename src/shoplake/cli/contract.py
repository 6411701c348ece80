"""`shoplake contract`: export, check and accept the schema of the events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shoplake.contract.schema import Schema

app = typer.Typer(no_args_is_help=True)


@app.callback()
def options() -> None:
    """Work with the contract: the schema of all events, and its versions."""


@app.command("export")
def export(
    out: Annotated[Path | None, typer.Option(help="File to write. Default: stdout.")] = None,
) -> None:
    """Print every topic with its key, and the JSON Schema of every event.

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
        str, typer.Option(help="Git ref, folder or JSON file to compare with. Default: the accepted contract.")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Check that the contract is backward compatible. Exits 1 if it is not. Nothing is written.

    Example: shoplake contract check --against origin/main
    """
    import dataclasses
    import json as jsonlib

    from shoplake import contract_baseline
    from shoplake.contract import compatibility, export

    older = contract_baseline.load(against)
    changes = compatibility.compare(older, export())
    if json:
        print(jsonlib.dumps({"changes": [dataclasses.asdict(change) for change in changes]}))
    else:
        for change in changes:
            if change.compatible:
                typer.echo(str(change))
    contract_baseline.refuse_incompatible(changes, _uses(older, [one.where for one in changes if not one.compatible]))
    if not json:
        typer.echo(f"compatible: {len(changes)} changes" if changes else "the same contract")


def _uses(older: Schema, places: list[str]) -> dict[str, str]:
    """Place of a change -> what uses the field, by the map of the older contract. Empty without the extra `catalog`."""
    if not places:
        return {}
    from shoplake.contract.from_schema import UnknownSchemaError, topics_of
    from shoplake.errors import MapError, MissingExtra
    from shoplake.map import project
    from shoplake.map.views import impact
    from shoplake.warehouse import dbt_project

    try:
        graph = project.read(dbt_project.project_folder(), contract=topics_of(older))
    except (MissingExtra, MapError, UnknownSchemaError):  # they must not hide the refusal
        return {}
    columns = {where: where.split(".", 2) for where in places if where.count(".") >= 2}
    lines = {where: impact.short(graph, f"kafka.{parts[0]}.{parts[2]}") for where, parts in columns.items()}
    return {where: line for where, line in lines.items() if line}


@app.command("activate")
def activate(
    environment: Annotated[str, typer.Option(help="Environment whose log is changed.")] = "local",
) -> None:
    """Activate this program's contract in the log, from the current end of each partition.

    A publisher with a newer contract does this automatically. It is safe to run again.

    Example: shoplake contract activate
    """
    import asyncio
    import os

    from shoplake import contract_log, environments, failpoints
    from shoplake.contract.schema import own_version

    failpoints.arm(os.environ)
    newest = asyncio.run(contract_log.activate(environments.kafka_cluster(environment)))
    own = own_version()
    note = "" if newest.version == own else f"; this program has version {own}, whose events match it"
    typer.echo(f"contract version {newest.version} ({newest.digest}) is active{note}")


@app.command("accept")
def accept(
    incompatible: Annotated[
        bool,
        typer.Option("--incompatible", help="Accept incompatible changes too. Only safe if every log is recreated."),
    ] = False,
) -> None:
    """Accept the current contract as the next version. Later changes are checked against it.

    Commit the file that this command writes.

    Example: shoplake contract accept
    """
    from shoplake import contract_baseline

    for change in contract_baseline.accept(incompatible=incompatible):
        typer.echo(str(change))
    typer.echo(f"wrote {contract_baseline.SHIPPED}")
