"""Programs as a user of a running stack starts them: in a shell of their own, with the variables of `shoplake env`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

TIMEOUT_S = 120


def without_stores(home: Path) -> dict[str, str]:
    """A shell that knows which stack there is, and none of its stores."""
    stack = {name: value for name, value in os.environ.items() if name.startswith("SHOPLAKE_")}
    return {"PATH": os.environ["PATH"], "HOME": str(home), "AWS_PAGER": ""} | stack


def with_stores(home: Path) -> dict[str, str]:
    """The shell, after it has evaluated `shoplake env`."""
    before = without_stores(home)
    printed = program("env", environment=before)
    script = ["sh", "-c", 'eval "$1"; env -0', "sh", printed]
    done = subprocess.run(script, env=before, capture_output=True, text=True, check=True)
    return dict(one.split("=", 1) for one in done.stdout.split("\0") if "=" in one)


def program(*arguments: str, environment: dict[str, str]) -> str:
    """What a command of ours prints."""
    return printed([sys.executable, "-m", "shoplake.cli.main", *arguments], environment)


def printed(command: Sequence[str], environment: dict[str, str], *, cwd: Path | None = None, stdin: str = "") -> str:
    """What a program prints that succeeds."""
    done = subprocess.run(
        command,
        input=stdin,
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
