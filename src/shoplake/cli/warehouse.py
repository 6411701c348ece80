"""`shoplake warehouse`: build the tables of the data warehouse and read them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shoplake.cli.row_formats import Format, Rows, Timeout, writer

app = typer.Typer(no_args_is_help=True)
Environment = Annotated[str, typer.Option(help="Environment to use.")]


@app.callback()
def options() -> None:
    """Build silver and gold tables from the lake with dbt, and read them.

    Example: shoplake warehouse build
    """


@app.command("build")
def build(
    select: Annotated[
        str, typer.Option(help="dbt selectors, e.g. 'fct_orders+'. Gold is then not published. All models if empty.")
    ] = "",
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Read the whole lake and build all tables again.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
    environment: Environment = "local",
) -> None:
    """Build the tables from the events that the lake has received since the last build.

    A stopped or killed build loses nothing: the next one continues. Tables of the last build stay readable.

    Example: shoplake warehouse build --json
    """
    import json as jsonlib

    from shoplake.environments import connect
    from shoplake.terminal import counted, to_stderr
    from shoplake.warehouse.build import build as run

    settings = connect(environment, {"lake"})
    done = run(settings, environment, to_stderr, select=select.split(), full_refresh=full_refresh)
    if json:
        positions = jsonlib.loads(done.positions.as_json())
        print(
            jsonlib.dumps(
                {
                    "build": done.build,
                    "new_events": done.new_events,
                    "seconds": round(done.seconds, 3),
                    "positions": positions,
                }
            )
        )
    elif done.ran:
        print(f"build {done.build}: {counted(done.new_events, 'new event')} in {done.seconds:.1f} s")
    else:
        print(f"build {done.build} is up to date")


@app.command("test")
def run_tests(
    select: Annotated[str, typer.Option(help="dbt selectors, e.g. 'revenue_daily'. All tests if empty.")] = "",
    environment: Environment = "local",
) -> None:
    """Run the tests of the models: keys, references, sums that must add up, and unit tests. Exits 1 if one fails.

    Example: shoplake warehouse test --select marts
    """
    from shoplake.terminal import to_stderr
    from shoplake.warehouse import dbt_project, state
    from shoplake.warehouse.status import read

    read(environment)  # names the command that builds, if nothing was built
    passed: list[str] = []

    def progress(text: str) -> None:
        passed.append(text)
        to_stderr(text)

    with state.locked(environment):
        dbt_project.run_tests(environment, select.split(), progress)
    print(f"{len(passed):,} tests passed")


@app.command("status")
def status(
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
    environment: Environment = "local",
) -> None:
    """Show the rows and the build of each table, and the positions in the log up to which it has read.

    Example: shoplake warehouse status
    """
    import json as jsonlib

    from shoplake.text_tables import print_rows
    from shoplake.warehouse.status import read

    found = read(environment)
    if json:
        print(jsonlib.dumps(found.as_json()))
        return
    rows = [(one.schema, one.name, one.rows, one.build, f"{one.finished_at:%Y-%m-%d %H:%M:%S}") for one in found.tables]
    print_rows(("schema", "table", "rows", "build", "built at (UTC)"), rows)
    print(f"as of {found.positions}")


@app.command("docs")
def docs(
    out: Annotated[Path, typer.Option(help="The HTML file.")] = Path("warehouse-docs.html"),
    environment: Environment = "local",
) -> None:
    """Write dbt's documentation as one HTML page: each model with its columns and tests, and the lineage as a graph.

    Example: shoplake warehouse docs --out docs.html
    """
    from shoplake.warehouse import dbt_project, state
    from shoplake.warehouse.status import read

    read(environment)  # names the command that builds, if nothing was built
    with state.locked(environment):
        dbt_project.write_docs(environment, out)
    print(out)


@app.command("query")
def query(
    statement: Annotated[str, typer.Argument(help="One SQL statement of DuckDB, in quotes.")],
    form: Format = "table",
    limit: Rows = 1000,
    timeout: Timeout = 60,
    environment: Environment = "local",
) -> None:
    """Run one SQL statement on the published gold tables and the lake, which are only read.

    Example: shoplake warehouse query "select * from revenue_daily order by revenue_on desc limit 7"
    """
    from shoplake.environments import connect
    from shoplake.errors import QueryRefused
    from shoplake.query import duckdb_session
    from shoplake.query.result import Limits

    write = writer(form)
    settings = connect(environment, {"lake"})
    with duckdb_session.opened(settings, Limits(limit, timeout)) as session:
        found = session.statements(statement)
        if len(found) != 1:
            raise QueryRefused(f"expected one statement, found {len(found)}", fix="run them one by one")
        session.attach_gold()
        session.attach_lake()
        session.prefer(duckdb_session.GOLD, duckdb_session.LAKE)
        write(session.run(found[0]))
