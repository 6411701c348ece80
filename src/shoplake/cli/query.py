"""`shoplake query`: one SQL statement on a store."""

from __future__ import annotations

from typing import Annotated

import typer

from shoplake.cli.row_formats import Format, Rows, Timeout, writer

STORES = ("lake", "postgres")


def command(
    statement: Annotated[str, typer.Argument(help="One SQL statement, in quotes.")],
    store: Annotated[
        str, typer.Option(metavar="lake|postgres", help="lake: DuckDB's SQL on the files. postgres: Postgres' own.")
    ] = "lake",
    form: Format = "table",
    limit: Rows = 1000,
    timeout: Timeout = 60,
    environment: Annotated[str, typer.Option(help="Which environment's stores.")] = "local",
) -> None:
    """Run one SQL statement on the lake or on Postgres, and print its rows. The stores are only read.

    The lake has a table per topic: customers, products, orders, inventory, clicks, reviews. Postgres has the
    tables of the schema `shop`.

    Example: shoplake query "select type, count(*) from orders group by all" --format csv
    """
    from shoplake.environments import connect
    from shoplake.errors import QueryRefused, UnknownName
    from shoplake.query import duckdb_session, postgres
    from shoplake.query.result import Limits

    write = writer(form)
    if store not in STORES:
        raise UnknownName(f"SQL is not what '{store}' takes", fix=f"choose from {', '.join(STORES)}")
    limits = Limits(limit, timeout)
    settings = connect(environment, {store})
    if store == "postgres":
        write(postgres.run(settings, statement, limits))
        return
    with duckdb_session.opened(settings, limits) as session:
        found = session.statements(statement)
        if len(found) != 1:
            raise QueryRefused(f"expected one statement, found {len(found)}", fix="`shoplake sql` takes several")
        session.attach_lake()
        session.prefer(duckdb_session.LAKE)
        write(session.run(found[0]))
