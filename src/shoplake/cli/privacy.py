"""`shoplake privacy`: what the platform holds about people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)
Environment = Annotated[str, typer.Option(help="Environment to use.")]
Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON.")]


@app.callback()
def options() -> None:
    """Show where personal data is, export everything of one customer, and find where a value occurs."""


@app.command("map")
def personal(json: Json = False) -> None:
    """Show each column with personal data, its owner, and the fields of events that it comes from. No server is asked.

    Example: shoplake privacy map
    """
    import dataclasses
    import json as jsonlib

    from shoplake.map import project
    from shoplake.privacy import data_map
    from shoplake.text_tables import print_rows

    found = data_map.personal(project.graph())
    if json:
        typer.echo(jsonlib.dumps({"columns": [dataclasses.asdict(one) for one in found]}))
        return
    rows = [(one.dataset, one.column, one.owner, ", ".join(one.fields)) for one in found]
    print_rows(("dataset", "column", "owner", "from the fields"), rows)


@app.command("export")
def export(
    customer: Annotated[str, typer.Argument(help="Id of the customer, as in postgres.customers.customer_id.")],
    out: Annotated[Path, typer.Option(help="JSON file to write. Only you can read it.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    json: Json = False,
    environment: Environment = "local",
) -> None:
    """Write everything that is held about a customer to a file: rows of every store, and records of the log.

    Example: shoplake privacy export c-1dtf463gpjz8z-17 --out customer.json
    """
    import json as jsonlib

    from shoplake import private_files
    from shoplake.environments import connect
    from shoplake.errors import FileInTheWay, ShoplakeError
    from shoplake.privacy import customer as customers
    from shoplake.terminal import counted, to_stderr
    from shoplake.text_tables import print_rows

    if out.is_dir():
        raise FileInTheWay(f"expected a file, found a folder: {out}", fix=f"--out {out / 'customer.json'}")
    if out.exists() and not force:
        raise FileInTheWay(f"{out} already exists", fix="choose another file with --out, or add --force")
    held = customers.held(connect(environment), environment, customer, to_stderr)
    try:
        private_files.write(out, held.as_json())
    except OSError as error:
        raise ShoplakeError(
            f"cannot write {out}: {error}", fix="choose a file that you can write to with --out"
        ) from error
    counts = dict(held.counts())
    if json:
        document = {"customer": customer, "sessions": len(held.sessions), "rows": counts, "file": str(out)}
        typer.echo(jsonlib.dumps(document))
        return
    print_rows(("dataset", "rows"), [(name, count) for name, count in counts.items() if count])
    typer.echo(f"{counted(sum(counts.values()), 'row')} in {out}")


@app.command("search")
def search(
    text: Annotated[str, typer.Argument(help="Part of a value, at least three characters.")],
    json: Json = False,
    environment: Environment = "local",
) -> None:
    """Show which columns and topics contain a text, and in how many rows. Exits 1 if none does.

    Example: shoplake privacy search anna@example.com
    """
    import dataclasses
    import json as jsonlib

    from shoplake.environments import connect
    from shoplake.privacy import search as searching
    from shoplake.terminal import to_stderr
    from shoplake.text_tables import print_rows

    found = searching.occurrences(connect(environment), environment, text, to_stderr)
    if json:
        typer.echo(jsonlib.dumps({"occurrences": [dataclasses.asdict(one) for one in found]}))
    elif found:
        print_rows(("where", "rows"), [(one.where, one.count) for one in found])
    if not found:
        typer.echo("nothing contains it", err=True)
        raise typer.Exit(1)
