"""`shoplake lake`: care for the lake's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shoplake.sinks.lake.maintenance import Maintained

app = typer.Typer(no_args_is_help=True)


@app.callback()
def options() -> None:
    """The lake: its Iceberg tables on S3."""


@app.command("maintain")
def maintain(
    tables: Annotated[
        str,
        typer.Option(help="Comma-separated: customers, products, orders, inventory, clicks, reviews. All if empty."),
    ] = "",
    only: Annotated[str, typer.Option(help="Comma-separated: compact, expire, orphans. All if empty.")] = "",
    target_mb: Annotated[int, typer.Option(min=1, help="How large files should become.")] = 64,
    min_files: Annotated[int, typer.Option(min=2, help="Leave fewer small files of a day as they are.")] = 5,
    keep: Annotated[str, typer.Option(help="Keep snapshots that are younger: 5d, 12h, 30m.")] = "5d",
    orphan_age: Annotated[str, typer.Option(help="Keep files that are younger, at least 1h.")] = "3d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout.")] = False,
    environment: Annotated[str, typer.Option(help="Whose lake.")] = "local",
) -> None:
    """Bring small files together, expire old snapshots, remove files that no snapshot names. Sinks may run meanwhile.

    Example: shoplake lake maintain --keep 12h --dry-run
    """
    import asyncio
    import dataclasses
    import json as jsonlib
    import sys

    from shoplake import environments
    from shoplake.sinks.lake import maintenance

    bounds = maintenance.bounds_of(target_mb=target_mb, min_files=min_files, keep=keep, orphan_age=orphan_age)
    done = asyncio.run(
        maintenance.maintain(
            environments.connect(environment, {"lake"}),
            bounds,
            topics=maintenance.topics_of(tables),
            steps=maintenance.steps_of(only),
            dry_run=dry_run,
            watch=lambda text: print(text, file=sys.stderr),
        )
    )
    if json:
        print(jsonlib.dumps({"dry_run": dry_run, "tables": [dataclasses.asdict(one) for one in done]}))
        return
    _print(done, dry_run)


def _print(done: list[Maintained], dry_run: bool) -> None:
    from rich.console import Console

    from shoplake.text_tables import table

    console = Console()
    if dry_run:
        console.print("dry run: nothing was done; this would come out")
    made = table("table", numbers=("files", "MB", "snapshots", "orphans"))
    for one in done:
        made.add_row(
            one.table,
            f"{one.files_before:,} → {one.files_after:,}",
            f"{one.bytes_before / 2**20:,.1f}" + ("" if dry_run else f" → {one.bytes_after / 2**20:,.1f}"),
            f"{one.snapshots_before:,} → {one.snapshots_after:,}",
            f"{one.orphans:,} ({one.orphan_bytes / 2**20:,.1f} MB)" if one.orphans else "0",
        )
    console.print(made)
