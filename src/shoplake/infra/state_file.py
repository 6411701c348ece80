"""Reads the state file of an emulated environment while no Terraform writes it; what cannot be read is put aside."""

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
    """The state; empty where there is none, or one that Terraform holds or could not read.

    A Terraform that was killed while it wrote leaves an empty or a half-written file, on which the next one would
    fail. It is renamed to `.broken`: an apply without a state adopts what it meets on the emulator.
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
            report(f"the state was left half written and is now {broken}; going on with what exists")
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
