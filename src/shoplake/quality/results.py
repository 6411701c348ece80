"""What checks found: one result for each check, and the report of a run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from shoplake.errors import QualityFailed, QualityUnknown
from shoplake.positions import Positions
from shoplake.run_log import CheckOutcome

Outcome = Literal["passed", "warned", "failed", "unknown"]
OUTCOMES: tuple[Outcome, ...] = ("passed", "warned", "failed", "unknown")


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one check.

    Attributes:
        dataset, check, kind, severity, owner, source, what_to_do: of the check.
        outcome: `unknown` if the dataset could not be read.
        measure: the number that is compared with a bound: a share of rows that pass, an index, a number of rows, an age
            in seconds.
        rows: how many rows were checked.
        failing: how many of them failed.
        detail: what was expected and what was found.
        failing_keys: keys of some failing rows; never a value of a personal column.
        positions: up to where the dataset had read the log.
        snapshot: what identifies the state that was read.
    """

    dataset: str
    check: str
    kind: str
    severity: str
    owner: str
    source: str
    what_to_do: str
    outcome: Outcome
    measure: float | None = None
    rows: int | None = None
    failing: int | None = None
    detail: str = ""
    failing_keys: tuple[str, ...] = ()
    positions: Positions = field(default_factory=Positions)
    snapshot: str = ""

    def as_json(self) -> dict[str, Any]:
        """All fields, with positions as `{topic: {partition: next offset}}`."""
        document = asdict(self)
        document["positions"] = json.loads(self.positions.as_json())
        document["failing_keys"] = list(self.failing_keys)
        return document


@dataclass(frozen=True, slots=True)
class Report:
    """The results of a run.

    Attributes:
        run: its id.
        started_at: UTC, aware.
    """

    run: str
    started_at: datetime
    seconds: float
    results: Sequence[Result]

    @property
    def counts(self) -> dict[str, int]:
        """Outcome -> number of results, with zeros."""
        found = Counter(result.outcome for result in self.results)
        return {outcome: found[outcome] for outcome in OUTCOMES}

    @property
    def datasets(self) -> int:
        """Number of datasets with a result."""
        return len({result.dataset for result in self.results})

    @property
    def outcomes(self) -> tuple[CheckOutcome, ...]:
        """The results for the run log, without those that are unknown."""
        return tuple(
            CheckOutcome(one.dataset, one.check, one.kind, one.severity, one.outcome == "passed")
            for one in self.results
            if one.outcome != "unknown"
        )

    def as_json(self) -> dict[str, Any]:
        """The document of `--json`."""
        return {
            "run": self.run,
            "started_at": self.started_at.isoformat(),
            "seconds": round(self.seconds, 3),
            "datasets": self.datasets,
            **{str(outcome): rows for outcome, rows in self.counts.items()},
            "results": [result.as_json() for result in self.results],
        }


def raise_if_not_passed(report: Report) -> None:
    """End the command by the outcomes of a run.

    Raises:
        QualityFailed: a check failed.
        QualityUnknown: none failed, but one could not be evaluated.
    """
    failed = sorted({one.dataset for one in report.results if one.outcome == "failed"})
    if failed:
        raise QualityFailed(
            f"{report.counts['failed']:,} checks failed: {', '.join(failed)}",
            fix="`shoplake quality show` says what to do about each",
        )
    unread = sorted({one.dataset for one in report.results if one.outcome == "unknown"})
    if unread:
        raise QualityUnknown(
            f"{report.counts['unknown']:,} checks could not be evaluated: {', '.join(unread)}",
            fix="`shoplake status` shows which servers run; run the same command again",
        )
