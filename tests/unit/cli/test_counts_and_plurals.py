"""Figures that commands show: whole counts of what is listed in part, and no unit or plural that cannot be."""

from __future__ import annotations

import pytest

from shoplake.cli.verify import omitted_note
from shoplake.report.panel import percent
from shoplake.verify.report import Finding, StoreResult


def result(lost: int, listed: int) -> StoreResult:
    findings = tuple(Finding("lost", "orders", f"{n}") for n in range(listed))
    return StoreResult("lake", 600_919, 0, lost, 0, 0, findings)


@pytest.mark.parametrize(
    ("lost", "listed", "told"),
    [
        (600_919, 1000, "and 600,899 more; --json contains the first 1,000"),
        (25, 25, "and 5 more; --json contains all of them"),
        (20, 20, None),
        (0, 0, None),
    ],
)
def test_omitted_findings_are_counted_over_all_findings(lost: int, listed: int, told: str | None) -> None:
    assert omitted_note(result(lost, listed), 20) == told


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [
        (0, 5, "0%"),
        (1, 10**9, "less than 0.001%"),
        (13, 100_000, "0.013%"),
        (9_996, 10_000, "more than 99%"),
        (5, 5, "100%"),
        (0, 0, "0%"),
    ],
)
def test_a_rounded_share_is_never_0_or_100_unless_exact(part: int, whole: int, told: str) -> None:
    assert percent(part, whole) == told
