"""Whatever happened to an apply, or to what it made, the next apply ends in the same environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.emulators import Running
from tests.running_terraform import terraform_of
from tests.terraform.local_root import LocalRoot

from shoplake import paths
from shoplake.errors import InfraError

# Recovery depends on Terraform's state and on reading what exists. Both emulators are applied and destroyed by
# `test_lifetime` at every tier.
EMULATORS = ["ministack", pytest.param("localstack", marks=pytest.mark.large)]
pytestmark = [
    pytest.mark.stack,
    pytest.mark.fault,
    pytest.mark.parametrize("emulator", EMULATORS, indirect=True, scope="module"),
]

PROGRAM_TIMEOUT_S = 120


@pytest.fixture
def root(emulator: Running, tmp_path: Path) -> LocalRoot:
    """Nothing is applied yet, and the emulator is empty."""
    emulator.wipe()
    return LocalRoot(emulator, tmp_path / "home")


def assert_whole(root: LocalRoot) -> None:
    """All that the root says is there, and in the state; the program finds its settings."""
    assert not root.plan().differs
    assert root.settings().redis.port == 16379


@pytest.mark.parametrize("first", [pytest.param("", marks=pytest.mark.large), "aws_iam_role_policy_attachment"])
def test_a_killed_terraform_converges_with_the_next_apply(root: LocalRoot, first: str) -> None:
    """Killed when the first resource is there, or most of them: attachments come after buckets, secrets and tables."""
    killed: list[str] = []

    def kill_at_first(line: str) -> None:
        if not killed and line.startswith("+") and first in line:
            os.kill(terraform_of(root.home), signal.SIGKILL)
            killed.append(line)

    with pytest.raises(InfraError, match="was killed by SIGKILL"):
        root.apply(kill_at_first)
    root.apply()

    assert killed
    assert_whole(root)


def test_a_killed_program_converges_with_the_next_apply(root: LocalRoot) -> None:
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.terraform.apply_once"],
        cwd=paths.project_root(),
        env={**os.environ, "SHOPLAKE_HOME": str(root.home)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdin is not None
        assert program.stderr is not None
        with program.stdin as stdin:
            json.dump({"variables": dict(root.variables), "environment": root.emulator.environment}, stdin)
        for line in program.stderr:
            if "terraform: +" in line:
                break
    finally:
        program.kill()
    assert program.wait(PROGRAM_TIMEOUT_S) == -signal.SIGKILL, "it was done before it could be killed"
    root.apply()

    assert_whole(root)


def test_a_wiped_emulator_is_built_again(root: LocalRoot) -> None:
    first = root.apply()
    root.emulator.wipe()

    assert root.apply().add == first.add
    assert_whole(root)


@pytest.mark.parametrize("kept", [0, 1 / 2])
def test_a_lost_or_half_written_state_is_healed_by_adopting_what_exists(root: LocalRoot, kept: float) -> None:
    """What a Terraform that was killed while it wrote leaves of its state."""
    root.apply()
    state = root.state.read_bytes()
    root.state.write_bytes(state[: int(len(state) * kept)])
    root.apply()

    assert_whole(root)
