"""Whether the figures are proved: a verification has compared the gold tables with the log at the same positions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shoplake import run_log
from shoplake.positions import Positions
from shoplake.verify.verification import JOB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shoplake.run_log import RunRecord


@dataclass(frozen=True, slots=True)
class Proof:
    """The newest verification of the gold tables at some positions.

    Attributes:
        exact: whether it found every table exact.
        at: when it ended, UTC.
        rows: compared with the fold of the log, in all stores that it checked.
        wrong: lost, duplicated and differing rows.
    """

    exact: bool
    at: datetime
    rows: int
    wrong: int


def newest(environment: str, positions: Positions, records: Sequence[RunRecord] | None = None) -> Proof | None:
    """The newest verification at these positions; None if there was none since the tables were published.

    Args:
        environment: that the verification read.
        positions: of the gold tables.
        records: of the run log, oldest first; those of this stack if None.
    """
    wanted = _read(positions)
    for record in reversed(run_log.records() if records is None else records):
        if (record.job, record.state, record.environment) != (JOB, "COMPLETE", environment) or not record.positions:
            continue
        if _read(Positions.parse(record.positions)) == wanted:
            wrong = record.counts.get("wrong", 0)
            exact = wrong == 0 and record.counts.get("hidden", 0) == 0
            at = datetime.fromtimestamp(record.time_ms / 1000, UTC)
            return Proof(exact, at, record.counts.get("rows", 0), wrong)
    return None


def _read(positions: Positions) -> dict[object, int]:
    """Without the partitions of which nothing was read."""
    return {place: offset for place, offset in positions.next_offsets.items() if offset}
