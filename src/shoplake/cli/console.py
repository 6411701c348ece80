"""`shoplake console`: pages that show the platform as it runs."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(invoke_without_command=True)


@app.callback()
def console(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1. A free one if 0.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON. No browser is opened.")] = False,
    environment: Annotated[str, typer.Option(help="Environment to use.")] = "local",
) -> None:
    """Open the console: the platform live, dashboards, the catalogue, checks and runs.

    It runs in the background. Each call prints a link, which signs one browser in and works for two minutes.

    Example: shoplake console --no-browser
    """
    if context.invoked_subcommand is not None:
        return
    import json as jsonlib
    import sys
    import time
    import webbrowser

    from shoplake import background
    from shoplake.api import key_file
    from shoplake.api import server as api_server
    from shoplake.api.keys import KeyCheck
    from shoplake.environments import connect

    api_server.require_extra()

    from shoplake.console import pages, server, sessions

    if background.inside():
        settings = connect(environment, ())
        server.prepare(settings)
        api_server.run(settings, api_server.bind(port), background.working, server.extend)
        return
    running = background.look(server.NAME)
    if running is None or running.state != "running":
        running = background.start(server.NAME)
    code = sessions.code(KeyCheck.of(key_file.load()).secret, time.time())
    link = f"{running.address}{pages.PATH}/enter?code={code}"
    if json:
        typer.echo(jsonlib.dumps({"url": f"{running.address}{pages.PATH}/", "link": link}))
        return
    typer.echo(f"the console is at {running.address}{pages.PATH}/; this link signs a browser in, once:\n  {link}")
    if browser and sys.stdout.isatty():
        webbrowser.open(link)


@app.command("down")
def down() -> None:
    """Stop the console. All browsers are signed out.

    Example: shoplake console down
    """
    from shoplake import background
    from shoplake.console.server import NAME

    print("the console is stopped" if background.stop(NAME) else "the console did not run")
