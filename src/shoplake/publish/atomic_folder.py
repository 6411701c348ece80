"""Write the files of a folder atomically: all of them or none."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator, Sequence
from pathlib import Path

from shoplake.errors import FileInTheWay, ShoplakeError

_PARTIAL = ".partial"


def partial(path: Path) -> Path:
    """Return the temporary name of a file, used until all files are complete."""
    return path.with_name(path.name + _PARTIAL)


def refuse_occupied(out: Path, overwrite: bool) -> None:
    """Raise FileInTheWay unless `out` is empty, does not exist, or may be overwritten."""
    if out.exists() and not out.is_dir():
        raise FileInTheWay(f"expected a folder, found a file: {out}", fix="choose another folder with --out")
    if not overwrite and out.is_dir() and any(out.iterdir()):
        raise FileInTheWay(f"{out} is not empty", fix="choose an empty folder with --out, or add --overwrite")


@contextlib.contextmanager
def complete_or_nothing(out: Path, names: Sequence[str]) -> Iterator[None]:
    """Rename the files to their final names on success, and delete them on failure."""
    out.mkdir(parents=True, exist_ok=True)
    files = {partial(out / name): out / name for name in names}
    try:
        yield
        for temporary, final in files.items():
            temporary.replace(final)
    finally:
        for temporary in files:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def explained(out: Path) -> Iterator[None]:
    """Convert operating system errors to shoplake errors."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            fix = "free some space or name a folder on another disk; nothing was left behind"
            raise ShoplakeError(f"no space left to write into {out}", fix=fix) from error
        raise ShoplakeError(f"cannot write into {out}: {error}", fix="choose a folder that you can write to") from error
