"""Spark gives the files that one process gives, byte for byte, with each lane simulated by a task.

Needs the extra `spark`, half a gigabyte that nobody gets unasked: without it these tests are skipped, unless
SHOPLAKE_REQUIRE_SPARK=1 makes that a failure. With SHOPLAKE_EXTRAS="report spark", ./shoplake installs it.
"""

from __future__ import annotations

import importlib.util
import operator
import os
from pathlib import Path

import pytest

import shopsim
from shoplake.errors import ShoplakeError
from shoplake.publish import files, spark
from shoplake.publish.run import Run, end_of

from .conftest import SEED

EVENTS = 60_000
LACKING = "pyspark is not installed (extra `spark`)"


@pytest.fixture(scope="session", autouse=True)
def _spark() -> None:
    if importlib.util.find_spec("pyspark") is None:
        if os.environ.get("SHOPLAKE_REQUIRE_SPARK") == "1":
            pytest.fail(f"SHOPLAKE_REQUIRE_SPARK=1, and {LACKING}", pytrace=False)
        pytest.skip(f"{LACKING}; SHOPLAKE_REQUIRE_SPARK=1 makes this a failure")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", shopsim.scenarios())
def test_spark_with_two_cores_writes_the_same_bytes_as_one_process(name, tmp_path):
    run = Run(shopsim.load_scenario(name), SEED, EVENTS, workers=2)
    counts = spark.write_run(run, tmp_path / "spark")
    assert counts == files.write_run(Run(run.scenario, SEED, EVENTS), tmp_path / "local", "jsonl")
    assert sum(counts.values()) == EVENTS
    assert contents(tmp_path / "spark") == contents(tmp_path / "local")


def test_a_selection_of_topics_and_days_equals_that_of_one_process(changed, tmp_path):
    scenario = changed(customers={"initial": 100}, window_hours=24, lanes=3)
    run = Run(scenario, SEED, None, 2, end_of(scenario, 9), ("orders", "reviews"))
    spark.write_run(run, tmp_path / "spark")
    files.write_run(run, tmp_path / "local", "jsonl")
    assert set(contents(tmp_path / "spark")) == {"orders.jsonl", "reviews.jsonl"}
    assert contents(tmp_path / "spark") == contents(tmp_path / "local")


def test_a_failed_task_leaves_no_file_and_reports_a_clear_error(changed, tmp_path, monkeypatch):
    monkeypatch.setattr(spark, "_write", operator.truediv)  # what a task can import, and not call with a window
    run = Run(changed(customers={"initial": 50}, lanes=2), SEED, 2_000, workers=2)
    with pytest.raises(ShoplakeError, match=r"Spark failed: TypeError: truediv expected 2 arguments"):
        spark.write_run(run, tmp_path / "spark")
    assert contents(tmp_path / "spark") == {}
