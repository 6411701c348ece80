"""`shoplake dashboards`: pages with charts over the metrics of the warehouse."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)
Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="Names of dashboards. All if none is named.")
]
Since = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day that counts, UTC.")]
Until = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day that counts, UTC.")]
Environment = Annotated[str, typer.Option(help="Environment to use.")]


@app.callback()
def options() -> None:
    """Check dashboards, and write them as HTML pages. Their files are in warehouse/dashboards."""


@app.command("list")
def listed(json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False) -> None:
    """Show each dashboard with its owner, its panels and its description. No server is asked.

    Example: shoplake dashboards list
    """
    import json as jsonlib

    from shoplake.dashboards import figures
    from shoplake.text_tables import print_rows

    found = figures.asked()
    if json:
        rows = [
            {
                "dashboard": one.name,
                "title": one.dashboard.title,
                "description": one.dashboard.description,
                "owner": one.dashboard.owner,
                "panels": [panel.name for panel in one.dashboard.panels],
            }
            for one in found
        ]
        typer.echo(jsonlib.dumps({"dashboards": rows}, ensure_ascii=False))
        return
    print_rows(
        ("dashboard", "owner", "panels", "description"),
        [(one.name, one.dashboard.owner, len(one.dashboard.panels), one.dashboard.description) for one in found],
    )


@app.command("check")
def check(names: Names = None, environment: Environment = "local") -> None:
    """Check the files, compute every panel, and draw every chart. Writes nothing. Exits 1 if one fails.

    Example: shoplake dashboards check shop-overview
    """
    from shoplake.dashboards import build
    from shoplake.terminal import counted, to_stderr

    made = build.made(environment, names or (), progress=to_stderr)
    typer.echo(
        f"{counted(made.panels, 'panel')} of {counted(made.dashboards, 'dashboard')}: all are computed and drawn"
    )


@app.command("build")
def write(
    names: Names = None,
    out: Annotated[Path, typer.Option(help="Folder for the pages. It is made.")] = Path("dashboards"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files of the folder.")] = False,
    since: Since = None,
    until: Until = None,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
    environment: Environment = "local",
) -> None:
    """Write one HTML page for each dashboard, and an index. The pages load nothing, so they open from a file.

    Each figure has a mark: whether `shoplake verify` has found the tables exact, when, and at which places of the log.

    Example: shoplake dashboards build --out shop --since 2026-06-01
    """
    import json as jsonlib

    from shoplake.dashboards import build
    from shoplake.dashboards.figures import Period
    from shoplake.publish.atomic_folder import refuse_occupied
    from shoplake.terminal import counted, to_stderr

    period = Period(since.date() if since else None, until.date() if until else None)
    refuse_occupied(out, overwrite)
    made = build.made(environment, names or (), period, progress=to_stderr)
    build.write(made, out)
    if json:
        document = {
            "dashboards": made.dashboards,
            "panels": made.panels,
            "proved": made.proof is not None and made.proof.exact,
            "positions": jsonlib.loads(made.positions.as_json()),
            "index": str(out / "index.html"),
        }
        typer.echo(jsonlib.dumps(document))
        return
    typer.echo(
        f"{counted(made.panels, 'panel')} of {counted(made.dashboards, 'dashboard')} in {out / 'index.html'}:"
        f" {made.said}"
    )
