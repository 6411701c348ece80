"""The heartbeat file of a running `stream`, by which a health check detects workers that hang.

`python -m shoplake.streaming.heartbeat MAX_AGE_S` is `shoplake healthy` without the command line's imports: containers
run it every few seconds.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from shoplake import paths, private_files
from shoplake.errors import StreamHalted
from shoplake.proc_stat import start_time

if TYPE_CHECKING:
    from shoplake.streaming.supervisor import WorkerView
    from shoplake.streaming.worker_reports import Progress

Watch = Callable[[Sequence["WorkerView"]], None]

EVERY_S = 1.0
FIX = "look at the output of `shoplake stream`; a restart continues from the checkpoints of the stores"


class Heartbeat(msgspec.Struct, frozen=True):
    """The content of the heartbeat file.

    Attributes:
        pid: process id of the stream.
        started: start time of that process in kernel ticks, since a pid can be used again.
        workers: worker → time of its last report, in seconds since 1970.
    """

    pid: int
    started: int
    workers: dict[str, float]


def file() -> Path:
    """Path of the heartbeat file."""
    return paths.home() / "run" / "stream.heartbeat"


@contextlib.contextmanager
def beating(watch: Watch | None = None) -> Iterator[Watch]:
    """A watcher that writes the heartbeat file and calls `watch`. The file is removed at the end."""
    path = file()
    private_files.folder(path.parent)
    last: dict[str, Progress] = {}
    reported: dict[str, float] = {}
    written = 0.0
    started = start_time(os.getpid()) or 0

    def beat(views: Sequence[WorkerView]) -> None:
        nonlocal written
        now = time.time()
        for view in views:
            name = str(view)
            if last.get(name) is not view.progress:  # by identity: an equal report is a new report too
                last[name], reported[name] = view.progress, now
        if now - written >= EVERY_S:
            written = now
            private_files.write(path, msgspec.json.encode(Heartbeat(os.getpid(), started, reported)))
        if watch is not None:
            watch(views)

    try:
        yield beat
    finally:
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            found = msgspec.json.decode(path.read_bytes(), type=Heartbeat)
            if found.pid == os.getpid():  # another stream of this home may be running
                path.unlink()


def _read(path: Path) -> Heartbeat:
    """Read the heartbeat file; raises StreamHalted if there is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Heartbeat)
    except (OSError, msgspec.MsgspecError) as error:
        raise StreamHalted(
            f"found no heartbeat of a stream: {error}", fix="start one with `shoplake stream`"
        ) from error


def check(max_age_s: float) -> Sequence[str]:
    """Check that each worker has reported within `max_age_s`, and return the names of the workers.

    Raises:
        StreamHalted: a worker has not reported, or no stream is running.
    """
    found = _read(file())
    if start_time(found.pid) != found.started:
        raise StreamHalted(
            f"the stream that wrote the last heartbeat has ended (pid {found.pid})",
            fix="start one with `shoplake stream`",
        )
    now = time.time()
    silent = {name: now - at for name, at in found.workers.items() if now - at > max_age_s}
    if silent:
        listed = ", ".join(f"{name} for {age:.0f} s" for name, age in sorted(silent.items()))
        raise StreamHalted(f"expected a report within {max_age_s:.0f} s, found none from: {listed}", fix=FIX)
    return sorted(found.workers)


if __name__ == "__main__":
    try:
        print("working:", ", ".join(check(float(sys.argv[1]))))
    except StreamHalted as problem:
        sys.exit(str(problem))
