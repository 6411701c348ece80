"""The demo shows its proof before Terraform has finished, and survives what can happen to that Terraform."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoplake import paths
from shoplake import stack as embedded
from shoplake.infra import runner, stack_inputs
from shoplake.verify.report import ALWAYS_PRESENT
from tests.own_stack import own_home
from tests.running_terraform import terraform_of

pytestmark = [pytest.mark.stack]

COMMAND = [sys.executable, "-m", "shoplake.cli.main", "demo", "--events", "1000", "--json"]
TIMEOUT_S = 300


@pytest.fixture
def home(tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """Where nothing has been started yet, and nothing is left in the end."""
    with own_home(tmp_path / "home") as patch:
        try:
            yield patch
        finally:
            embedded.purge()


@pytest.mark.usefixtures("home")
@pytest.mark.large  # two demos, and the 80 s that the provider waits for RDS
def test_ctrl_c_after_the_proof_leaves_a_state_that_the_next_demo_finishes() -> None:
    told: list[str] = []
    held = 0
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as first:
        assert first.stderr is not None
        for line in first.stderr:
            told.append(line)
            if "still running after" in line and not held:  # on a slow machine the 80 s would be over before the proof
                held = terraform_of(paths.home())
                os.kill(held, signal.SIGSTOP)
            if "Terraform still works on module.relational" in line:
                first.send_signal(signal.SIGINT)
                if held:
                    os.kill(held, signal.SIGCONT)
        assert first.wait(TIMEOUT_S) == 130
        assert first.stdout is not None
        assert first.stdout.read() == ""
    waits = next((number for number, line in enumerate(told) if "Terraform still works" in line), None)
    assert waits is not None, "Terraform was done before the proof"
    assert len([line for line in told[:waits] if line.split()[-1:] == ["exact"]]) == len(ALWAYS_PRESENT)
    assert "interrupted; run the same command again to continue" in told[-1]

    second = subprocess.run(COMMAND, capture_output=True, text=True, check=True, timeout=TIMEOUT_S)
    result = json.loads(second.stdout)
    assert result["ok"]
    assert 0 < result["seconds"]["first_proof"] <= result["seconds"]["total"]
    inputs = stack_inputs.of("local", embedded)
    assert not runner.plan("local", variables=inputs.variables, environment=inputs.environment).differs


def test_a_demo_whose_apply_fails_at_once_ends_with_the_applys_own_error(
    home: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A provider that refuses its account: Terraform prints a plan without resources before it says so."""
    root = tmp_path / "checkout"
    shutil.copytree(paths.project_root() / "terraform", root / "terraform", ignore=shutil.ignore_patterns(".terraform"))
    providers = root / "terraform" / "environments" / "local" / "providers.tf"
    text = providers.read_text()
    providers.write_text(text.replace("[var.emulator_account_id]", '["111111111111"]'))
    home.setenv("SHOPLAKE_ROOT", str(root))
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    assert done.returncode == 1
    assert "apply` of 'local' failed" in done.stderr
    assert "AWS account ID not allowed" in done.stderr
    assert done.stderr.count("error SL") == 1
