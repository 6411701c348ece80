"""Where things are on disk: the checkout, the state of one stack, the cache shared by all stacks."""

from __future__ import annotations

import os
from pathlib import Path


def project_root() -> Path:
    """The checkout: the folder with `terraform/` and `generators/` (`SHOPLAKE_ROOT` overrides)."""
    override = os.environ.get("SHOPLAKE_ROOT")
    return Path(override).resolve() if override else Path(__file__).resolve().parents[2]


def home() -> Path:
    """State of this stack: ports, credentials, data, logs (`SHOPLAKE_HOME`, default `.shoplake/`)."""
    override = os.environ.get("SHOPLAKE_HOME")
    return Path(override).expanduser().resolve() if override else project_root() / ".shoplake"


def cache() -> Path:
    """Downloads, checked and shared by every stack of this user (`$XDG_CACHE_HOME/shoplake`)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).expanduser() / "shoplake"
