"""`shoplake sql`: a DuckDB shell with the stores attached."""

from __future__ import annotations

from typing import Annotated

import typer

from shoplake.cli.row_formats import Format, Rows, Timeout, writer


def command(
    form: Format = "table",
    limit: Rows = 1000,
    timeout: Timeout = 60,
    environment: Annotated[str, typer.Option(help="Which environment's stores.")] = "local",
) -> None:
    """Ask for SQL statements and run them in DuckDB, with the lake and Postgres attached; both are only read.

    `lake.orders` and `postgres.orders` are tables of the two, which one statement may join. Without a terminal,
    statements are read from stdin, and the first that fails ends the command.

    Example: echo "from lake.orders limit 5; select count(*) from postgres.orders" | shoplake sql
    """
    import sys

    from shoplake.cli import error_output
    from shoplake.environments import connect
    from shoplake.query import duckdb_session, shell
    from shoplake.query.result import Limits
    from shoplake.terminal import to_stderr

    write = writer(form)
    settings = connect(environment, {"lake", "postgres"})
    with duckdb_session.opened(settings, Limits(limit, timeout)) as session:
        session.attach_lake()
        session.attach_postgres()
        session.prefer(duckdb_session.LAKE, duckdb_session.POSTGRES)
        if sys.stdin.isatty():
            shell.run_prompt(session, write, to_stderr, error_output.show)
        else:
            shell.run_script(session, sys.stdin, write)
