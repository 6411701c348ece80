"""What the user types to start this program: `./shoplake` in a checkout, `shoplake` on PATH, `uvx shoplake`."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

PROGRAM = "shoplake"
LAUNCHED_AS = "SHOPLAKE_LAUNCHED_AS"
"""The launcher of a checkout hands over in it how it was started itself."""

_ADVICE = re.compile(rf"(?<=`){PROGRAM}(?=[ `])")


def take_over_name() -> None:
    """Make the launcher's name the program's, and keep it from what the program starts. Called once, by `main`."""
    sys.argv[0] = os.environ.pop(LAUNCHED_AS, sys.argv[0])


def command() -> str:
    """What to type to start the program again, from the same folder."""
    typed = Path(sys.argv[0])
    if _runs_by_uvx():
        return f"uvx {PROGRAM}"
    on_path = str(typed.parent) in os.environ.get("PATH", "").split(os.pathsep)
    return PROGRAM if on_path or typed.name != PROGRAM else shlex.quote(sys.argv[0])


def as_typed(advice: str) -> str:
    """A text with the commands in it, such as `` `shoplake up` ``, as this user has to type them."""
    return _ADVICE.sub(lambda _: command(), advice)


def _runs_by_uvx() -> bool:
    """Whether the environment is one of uv's cache, which is on PATH for as long as the program runs."""
    return any(part.startswith("archive-v") for part in Path(sys.prefix).parts)
