"""Commands as a person gives them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shoplake import paths

COMMAND_TIMEOUT_S = 500


@dataclass(frozen=True)
class Shell:
    """A shell in which a stack's home, and perhaps an outside emulator, are set."""

    environment: Mapping[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "shoplake.cli.main", *arguments],
            env=self.environment,
            cwd=paths.project_root(),
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        """What a command that has to succeed prints for machines."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
