"""Text tables for a terminal of 80 columns: no side borders, one space between columns, and no truncated numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

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
