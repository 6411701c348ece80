"""A run: collects the checks of the wanted datasets, evaluates them, and stores the results."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from shoplake.errors import ShoplakeError
from shoplake.quality import dbt_tests, history, workspace
from shoplake.quality.evaluation import Evaluation
from shoplake.quality.facts import Facts
from shoplake.quality.results import Report, Result
from shoplake.quality.rules import loading
from shoplake.quality.rules.contract_checks import of_contract
from shoplake.quality.rules.declaration import Check, Severity
from shoplake.quality.rules.loading import Declarations
from shoplake.warehouse import state

if TYPE_CHECKING:
    from shoplake.settings import Settings

Progress = Callable[[str], None]
OF_WAREHOUSE = ("silver", "gold")


def collected(folders: Iterable[Path] = ()) -> Declarations:
    """All checks: those of this package, of the contract, and of the folders of the user.

    Raises:
        InvalidCheck: a file is not valid.
    """
    declared = loading.load([loading.shipped_folder(), *folders])
    return replace(declared, checks=(*of_contract(), *declared.checks))


def chosen(checks: Sequence[Check], datasets: Collection[str], severity: Severity | None) -> list[Check]:
    """The checks of some datasets, by full name, all if none is named; of one severity, or both for None."""
    return [c for c in checks if (not datasets or c.dataset in datasets) and severity in (None, c.rule.severity)]


def evaluated(
    settings: Settings | None,
    environment: str,
    checks: Sequence[Check],
    facts: Facts,
    progress: Progress = lambda _: None,
) -> list[Result]:
    """Evaluate checks, dataset by dataset. The stores are only read."""
    results: list[Result] = []
    with workspace.opened(settings, environment, progress) as opened:
        evaluation = Evaluation(opened, facts)
        ordered = sorted(checks, key=lambda check: check.dataset)
        for dataset, of_dataset in itertools.groupby(ordered, key=lambda check: check.dataset):
            found = evaluation.results([loading.with_owner(check, facts.owner(dataset)) for check in of_dataset])
            bad = sum(result.outcome != "passed" for result in found)
            progress(f"{dataset}: {len(found)} checks, {bad or 'none'} not passed")
            results += found
    return results


def evaluated_by_dbt(
    environment: str, facts: Facts, datasets: Collection[str], severity: Severity | None, progress: Progress
) -> list[Result]:
    """The results of dbt's last tests, if they were of the build that is there.

    Args:
        environment: whose warehouse.
        facts: owners of the models.
        datasets: as for `chosen`.
        severity: as for `chosen`.
        progress: told why there are none.
    """
    if not state.database(environment).exists():
        return []
    try:
        found = dbt_tests.results(environment, facts)
    except ShoplakeError as error:
        progress(f"results of dbt's tests: {error.message}")
        return []
    if not found:
        progress("dbt has not tested this build: `shoplake quality run --dbt` runs its tests, too")
    return [r for r in found if (not datasets or r.dataset in datasets) and severity in (None, r.severity)]


class Run:
    """A run, from here to its report."""

    def __init__(self) -> None:
        self._started_at = now()
        self._begun = time.monotonic()

    def ended(self, settings: Settings, results: Sequence[Result], progress: Progress) -> Report:
        """The report of the run, which ends now, stored in the history.

        Without Postgres the results are still worth printing, so `progress` is told that they were not stored.
        """
        seconds = time.monotonic() - self._begun
        report = Report(new_id(self._started_at), self._started_at, seconds, results)
        try:
            with history.opened(settings) as opened:
                opened.add(report)
        except ShoplakeError as error:
            progress(f"the results were not stored: {error.message}")
        return report


def new_id(at: datetime) -> str:
    """An id of a run: its time, so that ids sort by it, and a random part."""
    return f"{at:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"


def now() -> datetime:
    """UTC, aware."""
    return datetime.now(UTC)


def without_warehouse(checks: Sequence[Check], environment: str) -> list[Check]:
    """The checks without those of silver and gold, if no warehouse was built: what was never made has no quality."""
    return [check for check in checks if is_made(check.dataset.partition(".")[0], environment)]


def is_made(system: str, environment: str) -> bool:
    """Whether a system has datasets: all have but silver and gold, which are there after the first build."""
    return system not in OF_WAREHOUSE or state.database(environment).exists()
