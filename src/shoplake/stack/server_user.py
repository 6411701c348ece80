"""Choose the account for a server that refuses to run as root. `drop_privileges.py` switches to it.

A stack's home is closed to everybody else. The account is let through by its group, which may walk down to its own
folders and read nothing on the way. Where the home itself lies below a folder that only root may enter (`/root/…`), the
unprivileged process keeps one capability, which lets it walk and read there, and nothing else of root's: see
capabilities(7), "Ambient".
"""

from __future__ import annotations

import contextlib
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from shoplake import private_files
from shoplake.errors import StackError

PASSAGE_MODE = private_files.FOLDER_MODE | private_files.WALK_THROUGH
ACCOUNTS = ("postgres", "nobody")
# In order of preference: to read and search everywhere; containers often grant only the second, which also writes.
CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE = 2, 1


@dataclass(frozen=True, slots=True)
class Identity:
    """An account, and the capability it keeps (None: none is needed)."""

    uid: int
    gid: int
    capability: int | None

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}:{'' if self.capability is None else self.capability}"


def identity(*paths: Path) -> Identity | None:
    """Whom to run as so that these paths can be reached; None when we are not root and stay who we are.

    Raises:
        StackError: root, and there is no unprivileged account, or no way for one to reach a path.
    """
    if os.geteuid() != 0:
        return None
    account = _account()
    closed = next((path for path in paths if not _reachable(path, account)), None)
    return Identity(account.pw_uid, account.pw_gid, None if closed is None else _capability(closed, account))


def give(path: Path, owner: Identity | None) -> None:
    """Make a private folder that the account owns."""
    private_files.folder(path)
    if owner is not None:
        os.chown(path, owner.uid, owner.gid)


def passage(path: Path) -> None:
    """Make a private folder; where we are root, the account's group may walk through it, and not read it."""
    private_files.folder(path)
    if os.geteuid() == 0 and (account := _known_account()) is not None:
        os.chown(path, -1, account.pw_gid)
        path.chmod(PASSAGE_MODE)


def _known_account() -> pwd.struct_passwd | None:
    for name in ACCOUNTS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return None


def _account() -> pwd.struct_passwd:
    if (found := _known_account()) is not None:
        return found
    raise StackError(
        f"postgres refuses to run as root, and there is no account {' or '.join(ACCOUNTS)}",
        fix="run as another user than root",
    )


def _reachable(path: Path, account: pwd.struct_passwd) -> bool:
    """Whether plain permissions let the account walk down to the path."""
    for folder in path.resolve().parents:
        found = folder.stat()
        own, group = found.st_uid == account.pw_uid, found.st_gid == account.pw_gid
        if not found.st_mode & (0o100 if own else 0o010 if group else 0o001):
            return False
    return True


def _capability(path: Path, account: pwd.struct_passwd) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    held = next(int(line.split()[1], 16) for line in lines if line.startswith("CapPrm:"))
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        if held & 1 << capability:
            return capability
    raise StackError(
        f"postgres must run as '{account.pw_name}' instead of root, but that account cannot reach {path}",
        fix="set SHOPLAKE_HOME to a folder that every account may enter, or run as another user than root",
    )
