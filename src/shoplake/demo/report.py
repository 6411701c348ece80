"""Print the result of the demo."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from shoplake import invocation
from shoplake.infra import environments
from shoplake.text_tables import table
from shoplake.verify.report_table import stores_table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from shoplake.demo.questions import Answer
    from shoplake.demo.run import Outcome, Proof


def show_proof(proof: Proof, console: Console) -> None:
    """Print what verify found, and the answers."""
    title = f"After {proof.events:,} events: every store against an independent fold of the log"
    console.print(f"\n[bold]{title}[/bold]", highlight=False)
    console.print(stores_table(proof.report))
    for answer in proof.answers:
        console.print(f"\n[bold]{answer.question}[/bold]  [dim]{answer.store}[/dim]", highlight=False)
        console.print(_answer(answer))
    console.print()


def show_end(outcome: Outcome, console: Console) -> None:
    """Print the times, and what to try next."""
    console.print("\n[bold]Where the time went[/bold] (apply runs beside the stages after it)")
    console.print(_times(outcome))
    console.print("\n[bold]What to try next[/bold]")
    for command, why in next_steps():
        console.print(f"  {command}  [dim]# {why}[/dim]", soft_wrap=True, highlight=False)
    if outcome.quality is not None:
        console.print(f"\n[bold]Data quality[/bold]: {outcome.quality}", highlight=False, soft_wrap=True)
    verdict = "[bold green]ok[/bold green]" if outcome.report.ok else "[bold red]not exact[/bold red]"
    console.print(f"\n{outcome.events:,} events in {outcome.seconds['total']:.0f} s: {verdict}")


def next_steps() -> list[tuple[str, str]]:
    """Commands to try after the demo, as this user has to type them, each with what it is for."""
    shoplake = invocation.command()
    root = environments.named("local").root
    folder = shlex.quote(os.path.relpath(root) if root.is_relative_to(Path.cwd()) else str(root))
    return [
        (f"{shoplake} generate --events 500000 && {shoplake} stream --until-caught-up", "more of the same shop"),
        (f"{shoplake} verify", "prove the stores again, whenever you like"),
        (f'eval "$({shoplake} env)" && terraform -chdir={folder} plan', "the platform as Terraform sees it"),
        (f"{shoplake} demo", "the next share of events, on top"),
        (f"{shoplake} down --purge", "all gone"),
    ]


def _times(outcome: Outcome) -> Table:
    times = table("stage", numbers=("seconds",))
    for stage, seconds in outcome.seconds.items():
        times.add_row(stage, f"{seconds:.1f}")
    return times


def _answer(answer: Answer) -> Table:
    answers = table(*answer.columns)
    for row in answer.rows:
        answers.add_row(*row)
    return answers
