"""A disk that can be made full at once: a tmpfs, whose size is changed while it is used. Needs root."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SIZE = "6g"
FILL_TRIES = 50


@dataclass(frozen=True)
class Disk:
    """Where it is mounted."""

    path: Path

    def fill(self) -> None:
        """Leave no space for another page.

        Others write meanwhile, and a size below what is used is refused: it is asked for again, as it is used then.
        """
        for _ in range(FILL_TRIES - 1):
            with contextlib.suppress(subprocess.CalledProcessError):
                return self._fill()
        return self._fill()

    def _fill(self) -> None:
        used = shutil.disk_usage(self.path).used
        self._resize(f"{used >> 10}k")

    def free(self) -> None:
        """Give the space back."""
        self._resize(SIZE)

    def _resize(self, size: str) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.path)], check=True, capture_output=True)


@contextlib.contextmanager
def mounted(path: Path) -> Iterator[Disk | None]:
    """A new disk at an empty folder; None where we may not mount one."""
    path.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "shoplake-faults", str(path)]
    if shutil.which("mount") is None or subprocess.run(command, check=False, capture_output=True).returncode:
        yield None
        return
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True, capture_output=True)
