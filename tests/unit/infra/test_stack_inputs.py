"""What Terraform is given: a stack's connections for local, the caller's own variables and the commit on AWS."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from shoplake.errors import StackNotRunning
from shoplake.infra import stack_inputs
from shoplake.infra.tfvars import ConnectionsLike

CONNECTIONS = SimpleNamespace(
    kafka_bootstrap_servers="127.0.0.1:9092",
    postgres_host="127.0.0.1",
    postgres_port=5432,
    postgres_database="shop",
    postgres_user="shoplake",
    postgres_password=SecretStr("p"),
    redis_host="127.0.0.1",
    redis_port=6379,
    redis_password=SecretStr("r"),
    mongo_uri="mongodb://127.0.0.1",
    mongo_database="shop",
)


class Running:
    """A stack on an emulator that has Glue and no RDS."""

    def connections(self, services: Collection[str]) -> ConnectionsLike:
        return CONNECTIONS  # type: ignore[return-value]

    def environment(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}

    def switches(self) -> dict[str, bool]:
        return {"glue": True, "rds": False}

    def missing(self) -> frozenset[str]:
        return frozenset({"rds"})


class Down:
    """A stack that is down."""

    def connections(self, services: Collection[str]) -> ConnectionsLike:
        raise StackNotRunning("the stack is down")

    def environment(self) -> dict[str, str]:
        raise StackNotRunning("the stack is down")

    def switches(self) -> dict[str, bool]:
        raise StackNotRunning("the stack is down")

    def missing(self) -> frozenset[str]:
        raise StackNotRunning("the stack is down")


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    return subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-q", "-m", "first")
    monkeypatch.setenv("SHOPLAKE_ROOT", str(tmp_path))
    return tmp_path


def test_an_environment_on_aws_needs_no_stack_and_gets_the_callers_variables(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "dev")
    monkeypatch.setenv("TF_WORKSPACE", "mine")  # passed on for the guards to refuse
    given = stack_inputs.of("dev", Down())
    assert given.variables == {"commit": git(checkout, "rev-parse", "HEAD")}
    assert given.environment["AWS_PROFILE"] == "dev"
    assert given.environment["TF_WORKSPACE"] == "mine"


def test_local_needs_the_stack() -> None:
    with pytest.raises(StackNotRunning):
        stack_inputs.of("local", Down())


def test_local_is_given_what_its_emulator_has() -> None:
    given = stack_inputs.of("local", Running())
    assert json.loads(given.variables["capabilities"]) == {"glue": True, "rds": False}
    assert given.missing == {"rds"}
    assert given.variables["redis_port"] == "6379"
    assert given.environment == {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}


def test_a_changed_checkout_is_told_by_its_commit(checkout: Path) -> None:
    (checkout / "file").write_text("2")
    assert stack_inputs.commit() == git(checkout, "rev-parse", "HEAD") + "-dirty"


def test_outside_git_the_commit_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPLAKE_ROOT", str(tmp_path))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert stack_inputs.commit() == "unknown"
