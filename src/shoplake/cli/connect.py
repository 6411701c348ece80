"""`shoplake connect`: how other programs reach the stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shoplake.connect.access import Access


def command(
    store: Annotated[
        str, typer.Argument(help="kafka, postgres, redis, mongo, dynamodb or lake. All if empty.", show_default=False)
    ] = "",
    open_client: Annotated[
        bool, typer.Option("--open", help="Start the store's client, such as psql, in place of this command.")
    ] = False,
    show_secrets: Annotated[bool, typer.Option("--show-secrets", help="Print passwords too.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object, by store.")] = False,
    output: Annotated[
        str, typer.Option("--format", metavar="env|dotenv|jdbc|url", help="Print only variables, or only the URL.")
    ] = "",
) -> None:
    """Show how psql, redis-cli, DBeaver, a notebook and other clients reach a store of the local stack.

    DynamoDB and the lake are there after `shoplake apply local`.

    Example: shoplake connect postgres --open
    """
    from shoplake import connect
    from shoplake.connect import output as lines
    from shoplake.errors import UsageError

    if sum((open_client, json, bool(output))) > 1:
        raise UsageError("expected one of --open, --json and --format, found several", fix="choose one")
    how = lines.format_named(output) if output else None
    if open_client:
        if not store:
            raise UsageError("expected the store to open, found none", fix="`shoplake connect postgres --open`")
        connect.start(connect.one(store))
    found = [connect.one(store)] if store else connect.all_stores()
    if json:
        import json as library

        typer.echo(library.dumps(lines.as_json(found, show_secrets)))
    elif how:
        for line in lines.formatted(found, how, show_secrets):
            typer.echo(line)
        _say_what_is_left_out(lines.left_out(found) if not show_secrets else [])
    elif store:
        _print_store(found[0], show_secrets)
    else:
        _print_table(found)


def _say_what_is_left_out(names: Sequence[str]) -> None:
    if names:
        typer.echo(f"left out, since it holds a password: {', '.join(names)}; add --show-secrets", err=True)


def _print_store(access: Access, show_secrets: bool) -> None:
    from shoplake import invocation
    from shoplake.connect import output as lines

    for line in lines.described(access, invocation.command(), show_secrets):
        typer.echo(line)


def _print_table(accesses: Sequence[Access]) -> None:
    from rich.console import Console

    from shoplake.connect import access as known
    from shoplake.connect import output as lines
    from shoplake.invocation import as_typed
    from shoplake.text_tables import table

    console = Console()
    made = table("store", "address", "user", "client", "what is in it")
    for row in lines.rows(accesses):
        made.add_row(*row)
    console.print(made)
    missing = known.BY_STORE.keys() - {one.store for one in accesses}
    if missing:
        console.print(as_typed(f"not made yet: {', '.join(sorted(missing))}; run `shoplake apply local`"), markup=False)
    console.print(as_typed("`shoplake connect STORE` shows URLs, and what to type into each client."), markup=False)
