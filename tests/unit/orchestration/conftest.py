"""Workflows in a folder of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

CONFIG = """
description: For a test.
owner: test
"""
CODE = """
from shoplake.orchestration.workflow import step

@step()
def first(context):
    '''The first step.'''
    return {"n": 1}

@step(after=first)
def second(context):
    return {"n": context.results["first"]["n"] + 1}
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a workflow: its name, its config.yaml and its workflow.py."""

    def write(name: str, config: str = CONFIG, code: str = CODE) -> Path:
        folder = tmp_path / "workflows" / name
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text(dedent(config).lstrip())
        (folder / "workflow.py").write_text(dedent(code).lstrip())
        return folder

    return write
