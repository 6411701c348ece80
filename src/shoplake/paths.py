"""Where things are on disk: the checkout or what a wheel has of it, the state of one stack, the cache of all stacks.

This is the only module that knows whether the program runs from a checkout or was installed.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

SHIPPED = Path(__file__).resolve().parent / "files"
"""What a wheel has of the checkout, under the same names: the files of Terraform and Compose."""

LONGEST_SOCKET_FOLDER = 60
"""Bytes: go-plugin makes a folder and a socket below it, of up to 40."""


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
        return _expanded(override).resolve()
    return _of_user("XDG_STATE_HOME", ".local/state") if installed() else project_root() / ".shoplake"


def cache() -> Path:
    """Downloads, shared by every stack of this user (`$XDG_CACHE_HOME/shoplake`); a stack's own without HOME."""
    from shoplake.errors import UsageError  # which is a reader of this module

    try:
        return _of_user("XDG_CACHE_HOME", ".cache")
    except UsageError:
        if not (installed() and not os.environ.get("SHOPLAKE_HOME")):
            return home() / "cache"
        raise


def _expanded(path: str) -> Path:
    return user_home() / path[2:] if path.startswith("~/") else Path(path)


def _of_user(variable: str, default: str) -> Path:
    """The program's folder of one kind, as the XDG base directory specification says, which ignores relative paths."""
    base = Path(os.environ.get(variable, ""))
    return (base if base.is_absolute() else user_home() / default) / "shoplake"


def socket_folder() -> Path:
    """A folder for temporary files in which programs may listen on sockets, whose paths have 107 bytes at most.

    It is the one of `TMPDIR` where that is short enough; Terraform's plugins fail without a word where it is not.
    """
    named = Path(tempfile.gettempdir())
    candidates = (named, *(Path(name) for name in (os.environ.get("XDG_RUNTIME_DIR"), "/tmp", "/var/tmp") if name))  # noqa: S108
    fit = (one for one in candidates if len(os.fsencode(one)) <= LONGEST_SOCKET_FOLDER and os.access(one, os.W_OK))
    return next(fit, named)


def user_home() -> Path:
    """The user's home folder.

    Raises:
        UsageError: there is none: HOME is not set, and the user id has no entry in the system's list of users, as in
            many containers.
    """
    from shoplake.errors import UsageError  # which is a reader of this module

    try:
        return Path.home()
    except RuntimeError as error:
        raise UsageError(
            f"HOME is not set, and user id {os.getuid()} has no home folder",
            fix="set HOME, or SHOPLAKE_HOME and XDG_CACHE_HOME, to folders of yours",
        ) from error
