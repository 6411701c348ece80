"""`shoplake scenario`: the shops that can be simulated, and new ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)

Which = Annotated[str, typer.Argument(help="Name of a shipped scenario, or path of a .yaml file.")]


@app.callback()
def group() -> None:
    """List, show, check and make scenarios: what a simulated shop is like."""


@app.command("list")
def listed() -> None:
    """Name and description of the scenarios that come with it.

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
    """The file of a scenario, as it is.

    Example: shoplake scenario show demo
    """
    from shoplake.publish.scenarios import text_of

    typer.echo(text_of(scenario), nl=False)


@app.command("check")
def check(scenario: Which) -> None:
    """Say all that is wrong with a scenario, each with its line. Exit code 2 if anything is.

    Example: shoplake scenario check mine.yaml
    """
    import shopsim
    from shoplake.errors import InvalidScenario
    from shoplake.terminal import counted

    if errors := shopsim.check_scenario(scenario):
        listed = "".join(f"\n  - {error}" for error in errors)
        raise InvalidScenario(
            f"scenario '{scenario}' has {counted(len(errors), 'mistake')}:{listed}",
            fix="change the lines named; `shoplake scenario show demo` has every key",
        )
    found = shopsim.load_scenario(scenario)
    typer.echo(f"{found.name}: a shop of {found.lanes} lanes from {found.start} on, digest {found.digest[:12]}")


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="What the scenario is called: lower-case letters, digits and hyphens.")],
    like: Annotated[str, typer.Option("--from", help="A scenario to take the values of.")] = "demo",
    out: Annotated[Path | None, typer.Option(help="The file. NAME.yaml in this folder if nothing is said.")] = None,
) -> None:
    """Write a scenario with every key explained, to be changed; beside it the JSON Schema that editors complete it by.

    Example: shoplake scenario new my-shop --from demo
    """
    from shoplake.invocation import as_typed
    from shoplake.publish.scenarios import write_starter

    path = write_starter(name, like, out or Path(f"{name}.yaml"))
    typer.echo(f"{path}: change it, then {as_typed(f'`shoplake generate --scenario {path} --dry-run`')}")
