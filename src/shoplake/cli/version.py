"""The version of this program and, in a checkout, the commit."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata

from shoplake import environ, paths

GIT_TIMEOUT_S = 5


def describe() -> str:
    """Describe the version in one line for bug reports, such as `shoplake 0.1.0 (build 1a2b3c4, Python 3.13.1)`."""
    build = _commit()
    details = [*([f"build {build}"] if build else []), f"Python {platform.python_version()}"]
    return f"shoplake {metadata.version('shoplake')} ({', '.join(details)})"


def _commit() -> str:
    """Return the commit of the checkout, with `-dirty` if files differ from it. Empty without git or a checkout."""
    root = paths.project_root()
    if not (root / ".git").exists():
        return ""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=environ.for_subprocess(), timeout=GIT_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
