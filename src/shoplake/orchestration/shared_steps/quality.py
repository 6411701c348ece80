"""Results of rules and ages as notes of a step: one per dataset for its rules, and one for its age.

Each note is an event of the run, and a transaction in Postgres: one per rule would take longer than the rules.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping

from shoplake.orchestration.workflow import Check, Value
from shoplake.quality.results import Result

QUALITY, FRESHNESS = "quality", "freshness"
"""Names of the checks of a dataset: one for all of its rules, one for its age."""

SHOWN = 10


def notes(results: Iterable[Result]) -> list[Check]:
    """The notes of results, by dataset. One passes if no rule of the dataset failed and at least one is known."""
    ordered = sorted(results, key=_dataset_and_check)
    return [
        _note(dataset, check, list(found)) for (dataset, check), found in itertools.groupby(ordered, _dataset_and_check)
    ]


def _dataset_and_check(result: Result) -> tuple[str, str]:
    return result.dataset, FRESHNESS if result.kind == "freshness" else QUALITY


def _note(dataset: str, check: str, results: list[Result]) -> Check:
    counts = Counter[str](one.outcome for one in results)
    details: dict[str, Value] = {outcome: counts[outcome] for outcome in ("passed", "warned", "failed", "unknown")}
    bad = [f"{one.check}: {one.detail}" for one in results if one.outcome != "passed"]
    if bad:
        details["not_passed"] = "\n".join(bad[:SHOWN])
    return Check(dataset, check, _passes(counts), details, severe=counts["failed"] > 0)


def _passes(counts: Mapping[str, int]) -> bool:
    return not counts.get("failed") and counts.get("passed", 0) + counts.get("warned", 0) > 0
