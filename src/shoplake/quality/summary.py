"""One line about the quality of all datasets, for the end of the demo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shoplake import run_log
from shoplake.quality import run as runs
from shoplake.quality.freshness import ages as freshness
from shoplake.quality.map_facts import facts_of
from shoplake.quality.results import Report
from shoplake.terminal import counted

if TYPE_CHECKING:
    from shoplake.quality.freshness.ages import Age
    from shoplake.settings import Settings


@dataclass(frozen=True, slots=True)
class Summary:
    """Results of all checks, and the freshness of all datasets.

    Attributes:
        report: of the run, which is stored in the history.
        oldest: the dataset whose newest event is oldest; None if no age is known.
    """

    report: Report
    oldest: Age | None

    def as_json(self) -> dict[str, object]:
        """Counts of datasets and of results by outcome, and the age of the oldest dataset in seconds."""
        oldest = None if self.oldest is None else {"dataset": self.oldest.dataset, "seconds": self.oldest.event_time_s}
        return {"datasets": self.report.datasets, **self.report.counts, "oldest": oldest}

    def __str__(self) -> str:
        counts = self.report.counts
        unknown = f", {counts['unknown']:,} unknown" if counts["unknown"] else ""
        age = "no age is known"
        if self.oldest is not None:
            age = f"oldest {freshness.duration(self.oldest.event_time_s or 0.0)} ({self.oldest.dataset})"
        return (
            f"{counted(self.report.datasets, 'dataset')}: {counted(counts['passed'], 'check')} passed,"
            f" {counts['warned']:,} warned, {counts['failed']:,} failed{unknown}; {age}"
        )


def summary(settings: Settings, environment: str, progress: Callable[[str], None] = lambda _: None) -> Summary:
    """Run all checks, compare all ages with their objectives, store the results, and return what to print.

    Silver and gold are left out if no warehouse was built. dbt is not run; results of its last run count.

    Raises:
        InvalidCheck: a shipped file of checks is not valid.
        LogUnavailable: Kafka did not answer.
    """
    run = runs.Run()
    with run_log.recording("quality", environment=environment) as recorded:
        found = runs.collected()
        facts = facts_of(found.keys, [check.dataset for check in found.checks])
        wanted = runs.without_warehouse(found.checks, environment)
        results = runs.evaluated(settings, environment, wanted, facts, progress)
        results += runs.evaluated_by_dbt(environment, facts, (), None, progress)
        found_ages = freshness.ages(settings, environment, facts, progress)
        results += [result for age in found_ages for result in age.results()]
        report = run.ended(settings, results, progress)
        recorded["quality"].counts, recorded["quality"].checks = report.counts, report.outcomes
    return Summary(report, freshness.oldest(found_ages))
