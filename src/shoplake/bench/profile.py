"""Flame graphs of measurements with py-spy, which samples the process from outside."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shoplake.errors import ShoplakeError, UsageError

PER_SECOND = 200
WITHOUT_THREADS = ("columns", "encode", "publish", "read", "redis")
"""Stages whose work is done by the thread that they begin with."""
ENDS_IN_S = 60


@dataclass(frozen=True, slots=True)
class Profiler:
    """Draws what each measurement of ours does.

    Attributes:
        program: py-spy.
        folder: where the graphs go, `STAGE.svg` each; a later run of a stage replaces an earlier one's.
    """

    program: str
    folder: Path

    @contextlib.contextmanager
    def watching(self, pid: int, stage: str) -> Iterator[None]:
        """Look at a process until it ends, at those threads of Python that are on a processor.

        Native code that they call is in the picture, at the line that calls it. Of stages with threads beside the
        first, it is there only while it holds Python's lock: those that wait for work would be taken for busy ones.

        Raises:
            ShoplakeError: there is no picture of it.
        """
        picture = self.folder / f"{stage}.svg"
        picture.unlink(missing_ok=True)
        only = () if stage in WITHOUT_THREADS else ("--gil",)
        what = (*only, "--pid", str(pid), "--rate", str(PER_SECOND), "--output", str(picture))
        watcher = subprocess.Popen(
            ["py-spy", "record", *what],  # the picture's title has the words, which say nothing of this machine
            executable=self.program,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield
        finally:
            watcher.send_signal(signal.SIGINT)  # it has ended by itself where the process has
            try:
                watcher.wait(ENDS_IN_S)
            except subprocess.TimeoutExpired:
                watcher.kill()
        if not picture.exists():
            raise ShoplakeError(
                f"--profile: py-spy drew nothing of {stage}",
                fix="it must be allowed to look at other processes: as root, or with kernel.yama.ptrace_scope=0",
            )


def profiler(folder: Path) -> Profiler:
    """One that draws into a folder, which is made.

    Raises:
        UsageError: there is no py-spy, or the folder cannot be made.
    """
    program = shutil.which("py-spy")
    if program is None:
        raise UsageError("--profile: expected py-spy on PATH, found none", fix="`uv tool install py-spy`, or pip's")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"--profile: {folder} cannot be made: {error.strerror}", fix="choose another folder"
        ) from error
    return Profiler(program, folder)
