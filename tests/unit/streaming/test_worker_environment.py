"""A worker gives back what it has freed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from shoplake.streaming import worker_environment

CODE = "import shoplake.streaming.worker, pyarrow; print(pyarrow.default_memory_pool().backend_name)"


def test_arrow_leaves_memory_to_the_system():
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=worker_environment.environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "system"


def test_variables_of_the_user_are_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", "mimalloc")
    assert worker_environment.environment()["ARROW_DEFAULT_MEMORY_POOL"] == "mimalloc"
    assert worker_environment.environment()["MALLOC_ARENA_MAX"] == "2"
