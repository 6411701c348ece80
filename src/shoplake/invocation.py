"""The command that starts this program: `./shoplake` in a checkout, `shoplake` on PATH, or `uvx shoplake`."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

PROGRAM = "shoplake"
LAUNCHED_AS = "SHOPLAKE_LAUNCHED_AS"
"""Environment variable in which the launcher of a checkout passes on its own name."""

IN_BACKGROUND = "SHOPLAKE_IN_BACKGROUND"
"""Environment variable of a command that runs in the background: its name."""

OPENLINEAGE_URL = "SHOPLAKE_OPENLINEAGE_URL"
"""Environment variable with the address to which the runs of jobs are sent."""

WORKFLOWS = "SHOPLAKE_WORKFLOWS"
"""Environment variable with a folder of the user's own workflows."""

WORKFLOW_WEBHOOK = "SHOPLAKE_WORKFLOW_WEBHOOK"
"""Environment variable with the address that is told of each run of a workflow that failed."""

_ADVICE = re.compile(rf"(?<=`){PROGRAM}(?=[ `])")


def take_over_name() -> None:
    """Use the launcher's name as the program's name, and hide it from subprocesses. Called once, by `main`."""
    sys.argv[0] = os.environ.pop(LAUNCHED_AS, sys.argv[0])


def command() -> str:
    """The command that starts the program again from the same folder."""
    typed = Path(sys.argv[0])
    if _runs_by_uvx():
        return f"uvx {PROGRAM}"
    on_path = str(typed.parent) in os.environ.get("PATH", "").split(os.pathsep)
    return PROGRAM if on_path or typed.name != PROGRAM else shlex.quote(sys.argv[0])


def as_typed(advice: str) -> str:
    """Replace commands in a text, such as `` `shoplake up` ``, by what this user has to type."""
    return _ADVICE.sub(lambda _: command(), advice)


def _runs_by_uvx() -> bool:
    """Whether uvx runs the program. Its environment is in uv's cache, and on PATH only while the program runs."""
    return any(part.startswith("archive-v") for part in Path(sys.prefix).parts)
