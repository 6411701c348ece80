"""Measure wall-clock and CPU time of this process and of the servers."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

from shoplake import paths
from shoplake.bench.results import Measure
from shoplake.stack import SERVERS, process

# user, system, and those of children that have ended: a backend of Postgres may come and go in between.
CPU_FIELDS = slice(11, 15)


class Stopwatch:
    """Started once, stopped as often as there may be more to come: the last stop counts. Mutable."""

    def __init__(self) -> None:
        self._servers_s = 0.0
        self._begun: tuple[float, float] | None = None
        self._ended = (0.0, 0.0)

    @property
    def started(self) -> bool:
        """Whether it runs."""
        return self._begun is not None

    def start(self) -> None:
        """Begin."""
        self._servers_s = servers_cpu_s()
        self._begun = (time.perf_counter(), time.process_time())

    def stop(self) -> None:
        """This may have been the end."""
        self._ended = (time.perf_counter(), time.process_time())

    def measure(self, events: int, *, cpu_of_others_s: float = 0.0) -> Measure:
        """What was measured from the start to the last stop; the servers' CPU time is counted up to now.

        Args:
            events: that went through.
            cpu_of_others_s: CPU time of the processes that worked beside this one.
        """
        if self._begun is None:
            raise RuntimeError("the stopwatch was never started")
        wall_s, cpu_s = (after - before for before, after in zip(self._begun, self._ended, strict=True))
        return Measure(
            events=events,
            wall_s=wall_s,
            cpu_s=cpu_s + cpu_of_others_s,
            servers_cpu_s=servers_cpu_s() - self._servers_s,
            peak_rss_bytes=peak_rss_bytes(),
        )


def servers_cpu_s() -> float:
    """CPU seconds that the stack's servers have used so far; 0 without a stack."""
    found = [process.find(paths.home() / "run" / server.name / "pid") for server in SERVERS]
    return sum(cpu_s(pid) for running in found if running for pid in process.family(running.pid))


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and of its ended children; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[CPU_FIELDS])) / os.sysconf("SC_CLK_TCK")


def peak_rss_bytes() -> int:
    """Most resident memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
