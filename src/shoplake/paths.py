"""Paths on disk: the checkout or the installed files, the state of one stack, and the cache of all stacks.

Only this module knows whether the program runs from a checkout or was installed.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

SHIPPED = Path(__file__).resolve().parent / "files"
"""The files of Terraform and Compose in a wheel, under the same names as in a checkout."""

LONGEST_SOCKET_FOLDER = 60
"""In bytes. go-plugin creates a folder and a socket in it, whose names take up to 40 more."""


def installed() -> bool:
    """Whether the program was installed from a wheel. Its files are then read-only for us."""
    return not os.environ.get("SHOPLAKE_ROOT") and SHIPPED.is_dir()


def project_root() -> Path:
    """The folder with `terraform/` and `docker-compose.yml`: in the checkout or in the installed package.

    `SHOPLAKE_ROOT` selects another checkout.
    """
    if override := os.environ.get("SHOPLAKE_ROOT"):
        return Path(override).resolve()
    return SHIPPED if installed() else Path(__file__).resolve().parents[2]


def home() -> Path:
    """The folder with the state of this stack: ports, credentials, data and logs.

    `SHOPLAKE_HOME`; else `.shoplake/` in a checkout, or `$XDG_STATE_HOME/shoplake` of an installed package. It is never
    inside the Python environment: removing that would remove the data of running servers.
    """
    if override := os.environ.get("SHOPLAKE_HOME"):
        return _expanded(override).resolve()
    return _of_user("XDG_STATE_HOME", ".local/state") if installed() else project_root() / ".shoplake"


def cache() -> Path:
    """The folder of downloads (`$XDG_CACHE_HOME/shoplake`), shared by all stacks of a user; in `home` without HOME."""
    from shoplake.errors import UsageError  # it imports this module

    try:
        return _of_user("XDG_CACHE_HOME", ".cache")
    except UsageError:
        if not (installed() and not os.environ.get("SHOPLAKE_HOME")):
            return home() / "cache"
        raise


def _expanded(path: str) -> Path:
    return user_home() / path[2:] if path.startswith("~/") else Path(path)


def _of_user(variable: str, default: str) -> Path:
    """The program's folder under an XDG base directory. As the XDG specification says, relative paths are ignored."""
    base = Path(os.environ.get(variable, ""))
    return (base if base.is_absolute() else user_home() / default) / "shoplake"


def socket_folder() -> Path:
    """A temporary folder with a path short enough for sockets, whose paths have at most 107 bytes.

    It is `TMPDIR` if that is short enough. With a longer path Terraform's plugins fail without a message.
    """
    named = Path(tempfile.gettempdir())
    candidates = (named, *(Path(name) for name in (os.environ.get("XDG_RUNTIME_DIR"), "/tmp", "/var/tmp") if name))  # noqa: S108
    fit = (one for one in candidates if len(os.fsencode(one)) <= LONGEST_SOCKET_FOLDER and os.access(one, os.W_OK))
    return next(fit, named)


def user_home() -> Path:
    """The user's home folder.

    Raises:
        UsageError: HOME is not set, and the user id has no entry in the system's list of users, as in many containers.
    """
    from shoplake.errors import UsageError  # it imports this module

    try:
        return Path.home()
    except RuntimeError as error:
        raise UsageError(
            f"HOME is not set, and user id {os.getuid()} has no home folder",
            fix="set HOME, or SHOPLAKE_HOME and XDG_CACHE_HOME, to folders that you own",
        ) from error
