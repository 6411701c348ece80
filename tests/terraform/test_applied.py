"""An applied environment: nothing is left to do, nothing secret is on disk, and a change touches what was changed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.emulators import Running
from tests.terraform.local_root import LocalRoot

from shoplake import paths
from shoplake.errors import InfraError
from shoplake.infra import terraform
from shoplake.infra.runner import Applied

# `test_lifetime` applies to both emulators at every tier.
EMULATORS = ["ministack", pytest.param("localstack", marks=pytest.mark.large)]
pytestmark = [pytest.mark.stack, pytest.mark.parametrize("emulator", EMULATORS, indirect=True, scope="module")]

ROOT = paths.project_root() / "terraform" / "environments" / "local"


@pytest.fixture(scope="module")
def root(emulator: Running, tmp_path_factory: pytest.TempPathFactory) -> LocalRoot:
    """Who changes it puts it back."""
    return LocalRoot(emulator, tmp_path_factory.mktemp("applied") / "home")


@pytest.fixture(scope="module")
def applied(root: LocalRoot) -> Applied:
    return root.apply()


def parameters(root: LocalRoot) -> dict[str, str]:
    api = root.emulator.client("ssm")
    pages = api.get_paginator("get_parameters_by_path").paginate(Path="/shoplake", Recursive=True, WithDecryption=True)
    return {one["Name"]: one["Value"] for page in pages for one in page["Parameters"]}


def test_a_second_plan_and_a_second_apply_change_nothing(root: LocalRoot, applied: Applied) -> None:
    plan, again = root.plan(), root.apply()

    assert (plan.differs, plan.changes) == (False, ())
    assert (again.add, again.change, again.remove) == (0, 0, 0)
    assert root.outputs() == applied.outputs == again.outputs


@pytest.mark.usefixtures("applied")
def test_no_password_is_written_to_disk(root: LocalRoot) -> None:
    files = [path for path in root.home.rglob("*") if path.is_file() and not is_provider(path)]
    written = [path.read_bytes() for path in files]

    assert root.state in files
    assert not [text for text in written if b"pg-secret-1f7a" in text or b"redis-secret-9c2e" in text]


def is_provider(path: Path) -> bool:
    return path.name.startswith("terraform-provider-")


@pytest.mark.usefixtures("applied")
def test_one_changed_address_changes_one_parameter_and_nothing_else(root: LocalRoot) -> None:
    before, changed = parameters(root), root.given(redis_port=16380)
    planned = changed.plan()
    done = changed.apply()
    after = parameters(root)
    left, back = changed.plan(), root.apply()

    assert [str(change) for change in planned.changes] == ['~ module.config.aws_ssm_parameter.this["redis/port"]']
    assert (done.add, done.change, done.remove) == (0, 1, 0)
    assert after == before | {"/shoplake/local/redis/port": "16380"}
    assert not left.differs
    assert (back.change, parameters(root)) == (1, before)


@pytest.mark.usefixtures("applied")
def test_a_changed_password_is_written_and_the_other_stays(root: LocalRoot) -> None:
    changed = root.given(redis_password=SecretStr("another-one"))
    planned = changed.plan()
    changed.apply()
    found = changed.settings()
    root.apply()

    # Terraform calls a new version of a secret a replacement: the one before stays in Secrets Manager's history.
    assert [str(change) for change in planned.changes] == [
        '± module.config.aws_secretsmanager_secret_version.this["redis"]'
    ]
    assert found.redis.password.get_secret_value() == "another-one"
    assert found.postgres.password.get_secret_value() == "pg-secret-1f7a"
    assert root.settings().redis.password.get_secret_value() == "redis-secret-9c2e"


@pytest.mark.usefixtures("applied")
def test_plain_terraform_uses_the_same_state(root: LocalRoot) -> None:
    exported = root.shell_environment()

    for arguments in (["init", "-no-color"], ["plan", "-no-color", "-input=false", "-detailed-exitcode"]):
        answer = subprocess.run(
            [str(terraform.ensure().path), f"-chdir={ROOT}", *arguments],
            env={**os.environ, **exported},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.usefixtures("applied")
def test_an_account_that_does_not_belong_to_an_emulator_is_refused(root: LocalRoot) -> None:
    # Both emulators take an access key of twelve digits for the account.
    with pytest.raises(InfraError, match="AWS account ID not allowed: 111122223333"):
        root.plan(AWS_ACCESS_KEY_ID="111122223333")
