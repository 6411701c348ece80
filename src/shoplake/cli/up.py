"""`shoplake up`: start the stack."""

from __future__ import annotations

from typing import Annotated

import typer

from shoplake.cli.option_values import Quiet
from shoplake.cli.status import print_json


def command(
    stack: Annotated[
        str | None,
        typer.Option("--stack", help="embedded (no Docker) or compose. Default: the existing stack, else embedded."),
    ] = None,
    emulator: Annotated[str | None, typer.Option(help="With compose only: localstack (default) or ministack.")] = None,
    port_base: Annotated[
        int | None,
        typer.Option(
            envvar="SHOPLAKE_PORT_BASE",
            min=1024,
            max=65500,
            help="First start only: the servers get the ports from here on. Default: free ports, which a stack keeps.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON, the same as `status --json`.")] = False,
    quiet: Quiet = False,
) -> None:
    """Start Kafka, Postgres, Valkey, Mongo and the AWS emulator, and wait until they are ready.

    With --stack compose, they run in containers (docker-compose.yml). Servers that run already are not restarted;
    servers that died are. The first start downloads Kafka (43 MB) or the images. SHOPLAKE_HOME (default: .shoplake in
    the checkout) keeps data, ports and passwords.

    Example: shoplake up && eval "$(shoplake env)"
    """
    import os

    from shoplake import environments
    from shoplake import stack as servers
    from shoplake.stack.state import silent
    from shoplake.terminal import to_stderr

    if port_base is not None:
        os.environ["SHOPLAKE_PORT_BASE"] = str(port_base)
    say = silent if quiet else to_stderr
    status = servers.up(say, kind=stack, emulator=servers.emulator_named(emulator))
    environments.prepare_stack()
    if json:
        print_json(status)
    elif not quiet:
        print(f"the stack is up: {len(status.servers)} servers, {status.rss_bytes / 2**20:.0f} MB ({status.home})")
