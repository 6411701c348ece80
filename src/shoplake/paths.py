"""Where things are on disk: the checkout or what a wheel has of it, the state of one stack, the cache of all stacks.

This is the only module that knows whether the program runs from a checkout or was installed.
"""

from __future__ import annotations

import os
from pathlib import Path

SHIPPED = Path(__file__).resolve().parent / "files"
"""What a wheel has of the checkout, under the same names: the files of Terraform and Compose."""


def installed() -> bool:
    """Whether the program was installed from a wheel; its files then belong to the installer, and are only read."""
    return not os.environ.get("SHOPLAKE_ROOT") and SHIPPED.is_dir()


def project_root() -> Path:
    """The folder with `terraform/` and `docker-compose.yml`: of the checkout, or of the installed package.

    `SHOPLAKE_ROOT` names another checkout.
    """
    if override := os.environ.get("SHOPLAKE_ROOT"):
        return Path(override).resolve()
    return SHIPPED if installed() else Path(__file__).resolve().parents[2]


def home() -> Path:
    """State of this stack: ports, credentials, data, logs.

    `SHOPLAKE_HOME`; else `.shoplake/` of the checkout; else, installed, `$XDG_STATE_HOME/shoplake`. It is never inside
    the Python environment: removing that would remove data under running servers.
    """
    if override := os.environ.get("SHOPLAKE_HOME"):
        return Path(override).expanduser().resolve()
    return _of_user("XDG_STATE_HOME", ".local/state") if installed() else project_root() / ".shoplake"


def cache() -> Path:
    """Downloads, checked and shared by every stack of this user (`$XDG_CACHE_HOME/shoplake`)."""
    return _of_user("XDG_CACHE_HOME", ".cache")


def _of_user(variable: str, default: str) -> Path:
    """The program's folder of one kind, as the XDG base directory specification says, which ignores relative paths."""
    base = Path(os.environ.get(variable, "")).expanduser()
    return (base if base.is_absolute() else Path.home() / default) / "shoplake"
