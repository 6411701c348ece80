"""`shoplake up`: starts the stack."""

from __future__ import annotations

from typing import Annotated

import typer

from shoplake.cli.status import print_json


def command(
    stack: Annotated[
        str | None, typer.Option("--stack", help="embedded (no Docker) or compose; embedded where there is none yet.")
    ] = None,
    emulator: Annotated[str | None, typer.Option(help="In containers: localstack (the default) or ministack.")] = None,
    json: Annotated[
        bool, typer.Option("--json", help="One line of JSON on stdout, as `status --json` prints.")
    ] = False,
) -> None:
    """Start Kafka, Postgres, Valkey, Mongo and the AWS emulator, and wait until all of them answer.

    With --stack compose they run in containers, as docker-compose.yml says. What runs already is left alone, what has
    died is started again. The first start fetches Kafka (43 MB), or the images.
    Data, ports and passwords are kept in SHOPLAKE_HOME (default: .shoplake in the checkout).

    Example: shoplake up && eval "$(shoplake env)"
    """
    import sys

    from shoplake import environments
    from shoplake import stack as servers

    status = servers.up(
        lambda text: print(text, file=sys.stderr), kind=stack, emulator=servers.emulator_named(emulator)
    )
    environments.prepare_stack()
    if json:
        print_json(status)
    else:
        print(f"the stack is up: {len(status.servers)} servers, {status.rss_bytes / 2**20:.0f} MB ({status.home})")
