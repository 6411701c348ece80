"""The result of a verification as a table for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoplake.text_tables import table

if TYPE_CHECKING:
    from rich.table import Table

    from shoplake.verify.report import Report


def stores_table(report: Report) -> Table:
    """Build a table with one row per store: the counts, and whether the store is exact."""
    made = table("store", numbers=("expected", "found", "lost", "duplicated", "differing", ""))
    for store in report.stores:
        wrong = [f"[red]{n:,}[/red]" if n else "0" for n in (store.lost, store.duplicated, store.differing)]
        verdict = "[green]exact[/green]" if store.ok else "[red]differs[/red]"
        made.add_row(store.name, f"{store.expected:,}", f"{store.found:,}", *wrong, verdict)
    return made
