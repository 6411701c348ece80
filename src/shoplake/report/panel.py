"""The parts of a report: a gatherer counts events window by window, and then returns a panel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import shopsim
from shoplake.report.charts import Spec


@dataclass(frozen=True, slots=True)
class Panel:
    """One part of the page.

    Attributes:
        title: what one sees, as a sentence.
        note: how it is counted.
        charts: drawn below each other.
        wide: as wide as the page.
    """

    title: str
    note: str
    charts: tuple[Spec, ...] = ()
    wide: bool = False


class Gatherer(Protocol):
    """Count events in one pass over the windows, with constant memory."""

    def add(self, window: shopsim.Window) -> None:
        """Count a window; they come in order."""
        ...

    def panel(self) -> Panel:
        """Return the panel with the counts."""
        ...


_LEAST_PERCENT, _MOST_PERCENT = 0.001, 99.5


def percent(part: float, whole: float) -> str:
    """A share for reading: `62%`, `0.4%`; never 0% or 100% of what is some or not all."""
    share = 100 * part / whole if whole else 0.0
    if 0 < share < _LEAST_PERCENT:
        return f"less than {_LEAST_PERCENT:g}%"
    if _MOST_PERCENT <= share < 100:
        return "more than 99%"
    return f"{share:.0f}%" if share >= 10 or share == 0 else f"{share:.2g}%"
