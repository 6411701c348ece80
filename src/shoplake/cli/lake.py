"""`shoplake lake`: maintain the tables of the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shoplake.sinks.lake.maintenance import Maintained

app = typer.Typer(no_args_is_help=True)


@app.callback()
def options() -> None:
    """Maintain the Iceberg tables of the lake on S3."""


@app.command("maintain")
def maintain(
    tables: Annotated[
        str,
        typer.Option(help="Comma-separated: customers, products, orders, inventory, clicks, reviews. All if empty."),
    ] = "",
    only: Annotated[str, typer.Option(help="Comma-separated steps: compact, expire, orphans. All if empty.")] = "",
    target_mb: Annotated[int, typer.Option(min=1, help="Target file size in MB.")] = 64,
    min_files: Annotated[
        int, typer.Option(min=2, help="Compact a day only if it has at least this many small files.")
    ] = 5,
    keep: Annotated[str, typer.Option(help="Keep snapshots younger than this: 5d, 12h, 30m.")] = "5d",
    orphan_age: Annotated[str, typer.Option(help="Keep unreferenced files younger than this, at least 1h.")] = "3d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done. Nothing is changed.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
    environment: Annotated[str, typer.Option(help="Environment to use.")] = "local",
) -> None:
    """Compact small files, expire old snapshots and delete orphan files. Sinks may keep running.

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
        console.print("dry run: nothing was changed; the expected result:")
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
