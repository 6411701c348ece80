"""`shoplake scenario`: list, check and create scenarios, the descriptions of simulated shops."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)

Which = Annotated[str, typer.Argument(help="Name of a shipped scenario, or path of a .yaml file.")]


@app.callback()
def group() -> None:
    """List, show, check and create scenarios. A scenario describes a simulated shop."""


@app.command("list")
def listed() -> None:
    """List the shipped scenarios with their descriptions.

    Example: shoplake scenario list
    """
    from rich.console import Console

    import shopsim
    from shoplake.text_tables import table

    made = table("scenario", "opens", "description")
    for name in shopsim.scenarios():
        scenario = shopsim.load_scenario(name)
        made.add_row(name, f"{scenario.start}", scenario.description)
    Console().print(made)


@app.command("show")
def show(scenario: Which) -> None:
    """Print the YAML file of a scenario.

    Example: shoplake scenario show demo
    """
    from shoplake.publish.scenarios import text_of

    typer.echo(text_of(scenario), nl=False)


@app.command("check")
def check(scenario: Which) -> None:
    """List every mistake in a scenario, with its line. Exits 2 if there is one.

    Example: shoplake scenario check mine.yaml
    """
    import shopsim
    from shoplake.errors import InvalidScenario
    from shoplake.terminal import counted

    if errors := shopsim.check_scenario(scenario):
        listed = "".join(f"\n  - {error}" for error in errors)
        raise InvalidScenario(
            f"scenario '{scenario}' has {counted(len(errors), 'mistake')}:{listed}",
            fix="correct these lines; `shoplake scenario show demo` shows every key",
        )
    found = shopsim.load_scenario(scenario)
    typer.echo(
        f"{found.name}: a valid scenario: {found.lanes} lanes, opens on {found.start}, digest {found.digest[:12]}"
    )


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Name of the new scenario: lower-case letters, digits and hyphens.")],
    like: Annotated[str, typer.Option("--from", help="Scenario to copy the values from.")] = "demo",
    out: Annotated[Path | None, typer.Option(help="File to write. Default: NAME.yaml in the current folder.")] = None,
) -> None:
    """Write a new scenario file with a comment on every key.

    The JSON Schema is written next to it, so that an editor can complete and check the keys.

    Example: shoplake scenario new my-shop --from demo
    """
    from shoplake.invocation import as_typed
    from shoplake.publish.scenarios import write_starter

    path = write_starter(name, like, out or Path(f"{name}.yaml"))
    typer.echo(f"wrote {path}; edit it, then run {as_typed(f'`shoplake generate --scenario {path} --dry-run`')}")
