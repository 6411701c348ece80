"""Tests of this workflow: it is valid, and its steps do what they should without a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoplake.errors import WorkflowFailed
from shoplake.orchestration import registry
from shoplake.orchestration.workflow import Context

WORKFLOW = registry.load(Path(__file__).parents[1])
STEPS = {step.name: step.body for step in WORKFLOW.steps}


def test_a_model_without_rows_fails_the_run() -> None:
    good = {"ingest": {"rows": {"a.csv": 3}}, "model": {"rows": {"by_day": 2}}}
    assert STEPS["check"](Context("local", {}, good)) == {"files": 1}

    bad = {"ingest": {"rows": {"a.csv": 3}}, "model": {"rows": {"by_day": 0}}}
    with pytest.raises(WorkflowFailed, match="by_day has no rows"):
        STEPS["check"](Context("local", {}, bad))


def test_each_model_is_named_after_the_table() -> None:
    models = list((WORKFLOW.folder / "models").glob("*.sql"))

    assert models
    assert all(one.stem.startswith(WORKFLOW.job) for one in models)
