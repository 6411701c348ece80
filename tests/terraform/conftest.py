"""The emulators that the local environment is applied to, and plans of every environment, made without an account."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.emulators import Running

from shoplake.infra import dry_run
from shoplake.infra.dry_run import DryRun
from shoplake.stack.capabilities import MEASURED

MEMORY: dict[str, DryRun] = {}


@pytest.fixture(scope="module", params=MEASURED)
def emulator(request: pytest.FixtureRequest) -> Running:
    """MiniStack always, LocalStack where Docker is; empty when a file of tests begins."""
    running: Running = request.getfixturevalue(request.param)
    running.wipe()
    return running


@pytest.fixture
def planned(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], DryRun]:
    """One dry run per environment and session, with no credentials and nobody's configuration."""

    def of(name: str) -> DryRun:
        if name not in MEMORY:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("SHOPLAKE_HOME", str(tmp_path_factory.mktemp(name)))
                patch.delenv("AWS_PROFILE", raising=False)
                patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")  # must not reach Terraform
                MEMORY[name] = dry_run.run(name)
        return MEMORY[name]

    return of
