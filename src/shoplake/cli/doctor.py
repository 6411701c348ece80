"""`shoplake doctor`: check that this machine has what the platform needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shoplake.stack.doctor import Check

RUNBOOKS = "runbooks"


def command(
    emulators: Annotated[
        bool, typer.Option("--emulators", help="Also show which AWS services each emulator supports.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Check that this machine has what the stack and Terraform need. Exits 1 if something is missing.

    Example: shoplake doctor --emulators
    """
    from shoplake.infra import terraform
    from shoplake.stack.doctor import Check, checks

    found = (*checks(), *(Check(name, what, ok) for name, what, ok in terraform.describe()))
    if json:
        _print_json(found)
    else:
        _print_checks(found)
        if emulators:
            _print_emulators()
    raise typer.Exit(1 if any(check.required and not check.ok for check in found) else 0)


def _print_json(found: Sequence[Check]) -> None:
    import dataclasses
    import json

    from shoplake.stack import CAPABILITIES

    ok = all(check.ok or not check.required for check in found)
    document = {
        "ok": ok,
        "checks": [dataclasses.asdict(check) for check in found],
        "capabilities": [dataclasses.asdict(capability) for capability in CAPABILITIES],
    }
    print(json.dumps(document))


def _print_checks(found: Sequence[Check]) -> None:
    from rich.console import Console
    from rich.markup import escape

    from shoplake import docs_links, invocation
    from shoplake.text_tables import table

    console = Console()
    made = table("", "check", "found")
    for check in found:
        mark = "[green]ok[/green]" if check.ok else "[red]missing[/red]" if check.required else "[yellow]note[/yellow]"
        made.add_row(mark, check.name, escape(invocation.as_typed(check.found)))
    console.print(made)
    for check in found:
        if not check.ok:
            runbook = docs_links.page(RUNBOOKS, check.name.replace(" ", "-"))
            console.print(f"{check.name}: see {runbook}", markup=False, highlight=False, soft_wrap=True)


def _print_emulators() -> None:
    from rich.console import Console
    from rich.markup import escape

    from shoplake.stack import CAPABILITIES
    from shoplake.stack.capabilities import MEASURED, TITLES
    from shoplake.text_tables import table

    versions = [f"{TITLES[emulator]} {version}" for emulator, version in MEASURED.items()]
    made = table("service", *versions, "local")
    for row in CAPABILITIES:
        made.add_row(row.service, row.ministack, row.localstack, row.local)
    console = Console()
    console.print("AWS services of each emulator, and what the local environment uses:")
    console.print(made)
    for row in CAPABILITIES:
        if row.note:
            console.print(f"{row.service}: {escape(row.note)}", highlight=False)
