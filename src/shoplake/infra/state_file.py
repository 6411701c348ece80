"""Read the state file of an emulated environment while no Terraform writes it. A broken file is renamed."""

from __future__ import annotations

import fcntl
import json
import time
from pathlib import Path
from typing import Any

from shoplake.infra.terraform_output import Report

LOCK_TIMEOUT_S = 60
POLL_S = 0.1


def read(path: Path, report: Report) -> dict[str, Any]:
    """Return the state. Empty if there is none, if Terraform has locked it, or if it is broken.

    A Terraform that is killed while it writes leaves an empty or incomplete file, and the next one would fail. The file
    is renamed to `.broken`; an apply without a state imports what it finds on the emulator.
    """
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        return {}
    with file:
        if not _locked(file.fileno()):
            return {}  # Terraform waits for its lock itself, and says who holds it
        try:
            found: dict[str, Any] = json.load(file)
        except ValueError:
            broken = path.with_suffix(".broken")
            path.replace(broken)
            report(f"the state file was incomplete and is renamed to {broken}; continuing with existing resources")
            return {}
        return found


def _locked(descriptor: int) -> bool:
    """Take Terraform's own lock: one whose program was killed is still writing."""
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        else:
            return True
