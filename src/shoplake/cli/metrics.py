"""`shoplake metrics`: business figures by name, from the warehouse."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from shoplake.cli.row_formats import Rows, Timeout

if TYPE_CHECKING:
    from shoplake.warehouse.metrics.query import Answer

app = typer.Typer(no_args_is_help=True)
PARQUET = "parquet"


@app.callback()
def options() -> None:
    """List the metrics of the warehouse, and compute them. Their definitions are in warehouse/models/metrics."""


@app.command("list")
def listed(json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False) -> None:
    """Show each metric with its unit, its owner, its dimensions and its definition.

    Example: shoplake metrics list
    """
    import json as jsonlib

    from shoplake.text_tables import print_rows
    from shoplake.warehouse.metrics import definitions, dimensions

    known = definitions.of_project()
    found = [(known.metric(name), dimensions.names(known, known.metric(name))) for name in sorted(known.metrics)]
    if json:
        rows = [
            {
                "metric": one.name,
                "label": one.label,
                "description": one.description,
                "unit": one.unit,
                "owner": one.owner,
                "dimensions": names,
                "always_by": list(one.always_by),
            }
            for one, names in found
        ]
        print(jsonlib.dumps({"metrics": rows}, ensure_ascii=False))
        return
    print_rows(
        ("metric", "unit", "owner", "dimensions", "definition"),
        [(one.name, one.unit, one.owner, ", ".join(names), one.description) for one, names in found],
    )


@app.command("query")
def query(
    metric: Annotated[str, typer.Argument(help="Name of the metric.")],
    by: Annotated[str, typer.Option("--by", help="Dimensions to group by, with commas: day,country.")] = "",
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day that counts, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day that counts, UTC.")] = None,
    where: Annotated[str, typer.Option(help="Condition in SQL over dimensions: \"country = 'DE'\".")] = "",
    form: Annotated[
        str,
        typer.Option(
            "--format", metavar="table|json|csv|parquet", help="JSON is one line. Parquet needs a file: > FILE."
        ),
    ] = "table",
    limit: Rows = 1000,
    timeout: Timeout = 60,
    environment: Annotated[str, typer.Option(help="Environment to use.")] = "local",
) -> None:
    """Compute a metric from the published gold tables, and show their positions in the log.

    Money is always grouped by currency.

    Example: shoplake metrics query revenue --by day,country --since 2026-08-01 --until 2026-08-31
    """
    import sys

    from shoplake.cli.row_formats import writer
    from shoplake.errors import UsageError
    from shoplake.warehouse.metrics import definitions
    from shoplake.warehouse.metrics.sql import Question, compiled

    write = None if form == PARQUET else writer(form, more=(PARQUET,))
    if write is None and sys.stdout.isatty():
        raise UsageError("Parquet is not text for a terminal", fix=f"write it to a file: `... > {metric}.parquet`")
    names = [name.strip() for name in by.split(",") if name.strip()]
    question = Question(metric, names, since.date() if since else None, until.date() if until else None, where)
    wanted = compiled(definitions.of_project(), question)  # a wrong question is refused before anything is read

    from shoplake.environments import connect
    from shoplake.query.result import Limits
    from shoplake.warehouse.metrics.query import answer

    found = answer(connect(environment, {"lake"}), wanted, Limits(limit, timeout))
    if write:
        write(found.result, found.positions)
    else:
        _write_parquet(found)


def _write_parquet(answer: Answer) -> None:
    """Write the rows to stdout, with the positions in the metadata of the file."""
    import io
    import sys

    import pyarrow.parquet as parquet

    from shoplake.cli.row_formats import say_truncated
    from shoplake.warehouse.publish import POSITIONS

    file = io.BytesIO()
    parquet.write_table(answer.rows.replace_schema_metadata({POSITIONS: answer.positions.as_json()}), file)
    sys.stdout.buffer.write(file.getvalue())
    say_truncated(answer.result)
