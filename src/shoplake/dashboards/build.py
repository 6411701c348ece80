"""Computes and draws dashboards, and writes the pages: all of them or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shoplake.dashboards import figures, page, proof
from shoplake.dashboards.figures import ALL_DAYS, Period
from shoplake.dashboards.proof import Proof
from shoplake.environments import connect
from shoplake.positions import Positions
from shoplake.publish.atomic_folder import complete_or_nothing, explained, partial
from shoplake.report.charts import require_renderer


@dataclass(frozen=True, slots=True)
class Made:
    """Pages that are drawn and not yet written.

    Attributes:
        pages: file name -> HTML.
        proof: the verification of the gold tables; None if there was none since they were published.
    """

    pages: Mapping[str, str]
    dashboards: int
    panels: int
    positions: Positions
    proof: Proof | None

    @property
    def said(self) -> str:
        """Whether the figures are proved, in a few words."""
        if self.proof is None:
            return "not proved since the last build of the warehouse, run `shoplake verify`"
        return "proved" if self.proof.exact else f"{self.proof.wrong:,} rows are wrong, run `shoplake verify`"


def made(
    environment: str,
    names: Sequence[str] = (),
    period: Period = ALL_DAYS,
    progress: Callable[[str], None] = lambda _: None,
) -> Made:
    """Compute and draw dashboards.

    Raises:
        MissingExtra: the library that draws is not installed.
        MapError, UnknownName, UsageError: as `figures.asked`.
        WarehouseError, StoreUnavailable, QueryRefused: as `figures.computed`.
    """
    require_renderer()
    wanted = figures.asked(names, period)
    boards = figures.computed(connect(environment, {"lake"}), wanted, period, progress)
    found = proof.newest(environment, boards.positions)
    panels = sum(len(one.figures) for one in boards.filled)
    return Made(page.pages(boards, found, environment), len(boards.filled), panels, boards.positions, found)


def write(done: Made, out: Path) -> None:
    """Write the pages.

    Raises:
        ShoplakeError: the folder cannot be written, or the disk is full. Nothing is left behind.
    """
    with explained(out), complete_or_nothing(out, list(done.pages)):
        for name, content in done.pages.items():
            partial(out / name).write_text(content, encoding="utf-8")
