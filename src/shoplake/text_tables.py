"""Text tables for a terminal of 80 columns: no side borders, one space between columns, and no truncated numbers."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table


def table(*texts: str, numbers: Sequence[str] = ()) -> Table:
    """Create an empty table: text columns, then number columns, which are right-aligned and never truncated.

    Args:
        texts: headings of the text columns. If the terminal is too narrow, their text is wrapped.
        numbers: headings of the number columns.
    """
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for heading in texts:
        made.add_column(heading, overflow="fold")
    for heading in numbers:
        made.add_column(heading, justify="right", no_wrap=True)
    return made


LONGEST_TEXT = 60
"""Longer texts in a table of rows are wrapped."""
WIDEST = 10_000


def of_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """A table of values: columns in their order, those of numbers aligned to the right; nothing is markup."""
    from rich.text import Text

    made = table()
    for number, heading in enumerate(columns):
        numeric = any(row[number] is not None for row in rows) and all(_is_number(row[number]) for row in rows)
        made.add_column(
            Text(heading),
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=numeric,
            max_width=None if numeric else LONGEST_TEXT,
        )
    for row in rows:
        made.add_row(*(Text("" if value is None else str(value)) for value in row))
    return made


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table of values on stdout. It may be wider than the terminal: no value is cut."""
    from rich.console import Console

    Console(width=WIDEST).print(of_rows(columns, rows))


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool))
