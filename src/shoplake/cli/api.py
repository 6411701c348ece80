"""`shoplake api`: an HTTP API over all stores."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON.")]


@app.callback()
def options() -> None:
    """Serve customers, orders, sessions, products, the board, metrics and the catalogue over HTTP. It only reads.

    Example: shoplake api up
    """


@app.command("up")
def up(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1. A free one if 0.")] = 0,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Serve in this terminal, until Ctrl-C, not in the background.")
    ] = False,
    json: Json = False,
    environment: Annotated[str, typer.Option(help="Environment to use.")] = "local",
) -> None:
    """Start the API in the background. It prints its address, and where its key is.

    Example: shoplake api up --port 8080
    """
    from shoplake import background
    from shoplake.api import key_file, server
    from shoplake.environments import connect

    server.require_extra()
    if not foreground and not background.inside():
        background.start(server.NAME)
        _print_running(json=json)
        return
    settings = connect(environment, ())
    taken = server.bind(port)

    def started(url: str) -> None:
        background.working()
        typer.echo(f"the API is at {url}; its key is in {key_file.path()}")

    server.run(settings, taken, started, noted_in=server.address_file())


@app.command("down")
def down() -> None:
    """Stop the API. The key stays the same.

    Example: shoplake api down
    """
    from shoplake import background
    from shoplake.api import server

    print("the API is stopped" if background.stop(server.NAME) else "the API did not run")


@app.command("status")
def status(json: Json = False) -> None:
    """Show the address of the API, and the file with its key. Exits 1 if it does not run.

    Example: shoplake api status
    """
    _print_running(json=json)


@app.command("openapi")
def openapi() -> None:
    """Print the OpenAPI document. No server is needed.

    Example: shoplake api openapi > openapi.json
    """
    import json as jsonlib

    from shoplake.api import server

    server.require_extra()

    from shoplake.api.openapi import document

    print(jsonlib.dumps(document(), indent=2, ensure_ascii=False))


def _print_running(*, json: bool) -> None:
    import json as jsonlib

    from shoplake.api import key_file, server

    url, file = server.address(), str(key_file.path())
    if json:
        print(jsonlib.dumps({"url": url, "key_file": file}))
        return
    print(f"the API is at {url}; its key is in {file}")
    print(f'  curl -H "Authorization: Bearer $(cat {file})" {url}/v1/orders')
