from __future__ import annotations

import os
from pathlib import Path

import pytest

from shoplake.bench.isolated_home import foreign, own_home


def test_what_names_a_stack_a_store_or_an_account_is_left_out_and_where_downloads_come_from_stays() -> None:
    environment = {
        "AWS_PROFILE": "mine",
        "AWS_CA_BUNDLE": "/certificates",
        "SHOPLAKE_AWS_ENDPOINT": "http://127.0.0.1:4566",
        "SHOPLAKE_POSTGRES__HOST": "elsewhere",
        "SHOPLAKE_STACK_FILE": "/given",
        "SHOPLAKE_MAVEN_URL": "https://mirror",
        "PATH": "/bin",
    }
    assert sorted(environment.keys() - set(foreign(environment))) == ["AWS_CA_BUNDLE", "PATH", "SHOPLAKE_MAVEN_URL"]


def test_the_environment_is_as_it_was_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPLAKE_KAFKA__GROUP_PREFIX", "mine")
    before = dict(os.environ)
    with own_home(tmp_path):
        assert os.environ["SHOPLAKE_HOME"] == str(tmp_path)
        assert "SHOPLAKE_KAFKA__GROUP_PREFIX" not in os.environ
        os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
    assert dict(os.environ) == before
