"""`shoplake demo`: run the whole platform with one command."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    events: Annotated[int, typer.Option(min=1000, help="Events to add to the shop.")] = 200_000,
    scenario: Annotated[str, typer.Option(help="Name of a shipped scenario, or path of a .yaml file.")] = "demo",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation. The same seed gives the same events.")] = 7,
    stack: Annotated[str | None, typer.Option("--stack", help="embedded (no Docker) or compose.")] = None,
    emulator: Annotated[str | None, typer.Option(help="With compose only: localstack (default) or ministack.")] = None,
    warehouse: Annotated[
        bool,
        typer.Option("--warehouse", help="Also build, verify and check the warehouse; installs dbt at its first use."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON at the end.")] = False,
) -> None:
    """Build the platform, stream a simulated shop through it, verify every store, and show the results.

    Example: shoplake demo --events 50000 --json
    """
    import functools
    import json as jsonlib
    import sys

    from rich.console import Console

    from shoplake import stack as servers
    from shoplake.demo.report import show_end, show_proof
    from shoplake.demo.run import demo
    from shoplake.errors import VerifyFailed

    build = check = None
    if warehouse:
        from shoplake.demo import warehouse as gold

        gold.require_dbt()
        build, check = gold.build_and_ask, gold.check_quality
    start = functools.partial(servers.ensure, kind=stack, emulator=servers.emulator_named(emulator))
    console = Console(stderr=json)
    outcome = demo(
        scenario,
        seed,
        events,
        say=lambda text: print(f"  {text}", file=sys.stderr, flush=True),
        start=start,
        proved=lambda proof: show_proof(proof, console),
        build_warehouse=build,
        check_quality=check,
    )
    show_end(outcome, console)
    if json:
        typer.echo(jsonlib.dumps(outcome.as_json()))
    if not outcome.report.ok:
        raise VerifyFailed("the stores are not exact", fix="`shoplake verify` names each row")
