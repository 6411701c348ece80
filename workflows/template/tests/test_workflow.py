"""Tests of this workflow: it is valid, and its steps do what they should without a server."""

from __future__ import annotations

from pathlib import Path

from shoplake.orchestration import registry
from shoplake.orchestration.workflow import Context

WORKFLOW = registry.load(Path(__file__).parents[1])


def test_the_report_has_the_sum_of_the_orders() -> None:
    steps = {step.name: step for step in WORKFLOW.steps}
    context = Context("local", {"days": 7}, {"count": {"orders": {"placed": 2, "shipped": 3}}})

    assert steps["report"].body(context) == {"sum": 5}
