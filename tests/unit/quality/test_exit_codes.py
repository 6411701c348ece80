"""The exit code of a run: 0 if nothing failed, 1 if a check did, 3 if none did but some could not be evaluated."""

from __future__ import annotations

import pytest

from shoplake.errors import QualityFailed, QualityUnknown
from shoplake.quality import run
from shoplake.quality.results import Outcome, Report, Result, raise_if_not_passed


def report(*outcomes: Outcome) -> Report:
    results = [Result("a.b", str(n), "range", "error", "", "declared", "", one) for n, one in enumerate(outcomes)]
    return Report("run", run.now(), 0.0, results)


def test_warnings_are_no_failure() -> None:
    raise_if_not_passed(report("passed", "warned"))


def test_a_failure_counts_more_than_what_is_unknown() -> None:
    with pytest.raises(QualityFailed, match=r"1 checks failed: a\.b") as failed:
        raise_if_not_passed(report("passed", "unknown", "failed"))
    assert failed.value.exit_code == 1


def test_what_is_unknown_has_a_code_of_its_own() -> None:
    with pytest.raises(QualityUnknown) as unknown:
        raise_if_not_passed(report("passed", "unknown"))
    assert unknown.value.exit_code == 3
