"""What a running `stream` writes of itself, so that a health check can tell one that works from one that hangs."""

from __future__ import annotations

import contextlib
import os
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
FIX = "look at what `shoplake stream` says; started again, it goes on where its stores stand"


class Heartbeat(msgspec.Struct, frozen=True):
    """What a stream says of itself.

    Attributes:
        pid: of the stream's process.
        started: when that process started, in the kernel's ticks: a pid is given to others later.
        workers: when each last said something, in seconds since 1970.
    """

    pid: int
    started: int
    workers: dict[str, float]


def file() -> Path:
    """Where this home's heartbeat is."""
    return paths.home() / "run" / "stream.heartbeat"


@contextlib.contextmanager
def beating(watch: Watch | None = None) -> Iterator[Watch]:
    """A watcher of workers that writes the heartbeat, and passes what it sees on to `watch`.

    The heartbeat is removed at the end: a stream that was stopped does not work any more.
    """
    path = file()
    private_files.folder(path.parent)
    last: dict[str, Progress] = {}
    said: dict[str, float] = {}
    written = 0.0
    started = start_time(os.getpid()) or 0

    def beat(views: Sequence[WorkerView]) -> None:
        nonlocal written
        now = time.time()
        for view in views:
            name = str(view)
            if last.get(name) is not view.progress:  # a report like the last one is a report as well
                last[name], said[name] = view.progress, now
        if now - written >= EVERY_S:
            written = now
            private_files.write(path, msgspec.json.encode(Heartbeat(os.getpid(), started, said)))
        if watch is not None:
            watch(views)

    try:
        yield beat
    finally:
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            found = msgspec.json.decode(path.read_bytes(), type=Heartbeat)
            if found.pid == os.getpid():  # another stream of this home may go on
                path.unlink()


def _read(path: Path) -> Heartbeat:
    """Raises StreamHalted where no stream has left one."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Heartbeat)
    except (OSError, msgspec.MsgspecError) as error:
        raise StreamHalted(
            f"no stream writes a heartbeat here: {error}", fix="start one with `shoplake stream`"
        ) from error


def check(max_age_s: float) -> Sequence[str]:
    """The names of the workers, if each has said something of late.

    Raises:
        StreamHalted: one has not, or no stream runs here.
    """
    found = _read(file())
    if start_time(found.pid) != found.started:
        raise StreamHalted(
            f"the stream that wrote the last heartbeat is gone (pid {found.pid})",
            fix="start one with `shoplake stream`",
        )
    now = time.time()
    silent = {name: now - at for name, at in found.workers.items() if now - at > max_age_s}
    if silent:
        listed = ", ".join(f"{name} for {age:.0f} s" for name, age in sorted(silent.items()))
        raise StreamHalted(f"expected a report within {max_age_s:.0f} s, silent are: {listed}", fix=FIX)
    return sorted(found.workers)
