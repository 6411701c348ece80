from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shoplake.bench.stages import STAGES
from shoplake.cli.main import app
from shoplake.errors import UsageError

runner = CliRunner()


def test_a_stage_that_there_is_not_is_wrong_usage() -> None:
    found = runner.invoke(app, ["bench", "--only", "nonsense"])
    assert isinstance(found.exception, UsageError)


@pytest.mark.parametrize("arguments", [["--runs", "0"], ["--events", "1"], ["--verify-events", "0"]])
def test_what_measures_nothing_is_wrong_usage(arguments: list[str]) -> None:
    assert runner.invoke(app, ["bench", *arguments]).exit_code == 2


def test_a_profile_without_a_profiler_says_where_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = runner.invoke(app, ["bench", "--only", "encode", "--profile", str(tmp_path / "profiles")])
    assert isinstance(found.exception, UsageError)
    assert "py-spy" in str(found.exception)


def test_the_help_names_every_stage() -> None:
    text = " ".join(re.sub(r"[│\n]", " ", runner.invoke(app, ["bench", "--help"]).output).split())
    assert ", ".join(stage.name for stage in STAGES) + ". If empty: all except warehouse and demo" in text
