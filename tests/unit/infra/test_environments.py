"""Where Terraform's files of an environment are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shoplake.infra import environments


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "checkout"
    root = folder / "terraform" / "environments" / "local"
    root.mkdir(parents=True)
    (folder / "terraform" / "modules").mkdir()
    (root / "main.tf").write_text("# local")
    monkeypatch.setenv("SHOPLAKE_ROOT", str(folder))
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path / "home"))
    return folder


@pytest.fixture
def read_only(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout on a file system that is mounted read-only, which root cannot write to either."""
    monkeypatch.setattr(os, "access", lambda path, _: not Path(path).is_relative_to(checkout))
    return checkout


def test_a_root_is_used_where_it_lies(checkout: Path) -> None:
    assert environments.named("local").root == checkout / "terraform" / "environments" / "local"


def test_a_root_that_cannot_be_written_to_is_copied_beside_the_state(read_only: Path, tmp_path: Path) -> None:
    found = environments.named("local")

    assert found.root.is_relative_to(tmp_path / "home")
    assert (found.root / "main.tf").read_text() == "# local"
    assert (found.root.parents[1] / "modules").is_dir()
    (found.root / ".terraform.lock.hcl").touch()
    assert (environments.named("local").root / ".terraform.lock.hcl").exists()


def test_the_copy_of_another_version_is_another(read_only: Path) -> None:
    before = environments.named("local").root
    (read_only / "terraform" / "environments" / "local" / "main.tf").write_text("# changed")

    after = environments.named("local").root

    assert after != before
    assert (after / "main.tf").read_text() == "# changed"
