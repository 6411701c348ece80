from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from shoplake import docs_links, invocation, paths


@pytest.mark.parametrize(
    ("typed", "path", "command"),
    [
        ("./shoplake", "/usr/bin", "./shoplake"),
        ("../a checkout/shoplake", "/usr/bin", "'../a checkout/shoplake'"),
        ("/home/me/.local/bin/shoplake", "/usr/bin:/home/me/.local/bin", "shoplake"),
        ("/opt/env/bin/shoplake", "/usr/bin", "/opt/env/bin/shoplake"),
        ("/opt/env/lib/shoplake/cli/main.py", "/usr/bin", "shoplake"),
    ],
)
def test_advice_names_the_command_as_it_was_typed(
    monkeypatch: pytest.MonkeyPatch, typed: str, path: str, command: str
) -> None:
    monkeypatch.setattr(sys, "argv", [typed, "status"])
    monkeypatch.setenv("PATH", path)
    advice = invocation.as_typed("run `shoplake up`, see shoplake.toml and `shoplake-x`; `shoplake` alone is help")
    assert advice == f"run `{command} up`, see shoplake.toml and `shoplake-x`; `{command}` alone is help"


def test_the_launchers_name_is_taken_over_and_reaches_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/checkout/.venv/bin/shoplake"])
    monkeypatch.setenv(invocation.LAUNCHED_AS, "./shoplake")
    invocation.take_over_name()
    assert invocation.command() == "./shoplake"
    assert invocation.LAUNCHED_AS not in os.environ


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SHOPLAKE_ROOT", "SHOPLAKE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(paths, "SHIPPED", tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    return tmp_path


@pytest.mark.parametrize(
    ("state", "home"),
    [
        ("", "/home/me/.local/state/shoplake"),
        ("/var/state", "/var/state/shoplake"),
        ("relative", "/home/me/.local/state/shoplake"),
    ],
)
def test_an_installed_package_keeps_its_state_with_the_user(
    installed: Path, monkeypatch: pytest.MonkeyPatch, state: str, home: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", state)
    assert paths.home() == Path(home)
    assert paths.project_root() == installed


def test_pages_are_files_in_a_checkout_and_addresses_for_an_installed_package(
    request: pytest.FixtureRequest,
) -> None:
    assert docs_links.page("reference/errors", "sl0203") == "docs/reference/errors.md#sl0203"
    request.getfixturevalue("installed")
    assert docs_links.page("reference/errors", "sl0203") == f"{docs_links.DOCUMENTATION}/reference/errors/#sl0203"


def test_the_address_of_the_documentation_is_the_same_everywhere() -> None:
    root = paths.project_root()
    for name in ("pyproject.toml", "generators/pyproject.toml", "mkdocs.yml"):
        assert f"{docs_links.DOCUMENTATION}/" in (root / name).read_text(), name
