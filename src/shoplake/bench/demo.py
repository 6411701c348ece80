"""Measure `up` and `demo` in a new home, with downloads and libraries already present."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from shoplake.bench.isolated_home import own_home
from shoplake.bench.results import Measure
from shoplake.bench.signals import undisturbed
from shoplake.bench.stopwatch import Stopwatch

COMMAND = (sys.executable, "-m", "shoplake.cli.main")


def cold_and_warm(events: int) -> Measure:
    """Start a stack, remove it, run the demo from nothing, and again on what that made. Wall clock of each command."""
    with tempfile.TemporaryDirectory(prefix="shoplake-bench-") as folder, own_home(Path(folder) / "home"):
        watch = Stopwatch()
        try:
            up_s, _ = _timed("up")
            _run("down", "--purge")
            watch.start()
            cold_s, _ = _timed("demo", "--events", str(events))
            warm_s, _ = _timed("demo", "--events", str(events))
            watch.stop()
            status = json.loads(_run("status", "--json"))
        finally:
            with undisturbed():
                _run("down", "--purge")
    measured = watch.measure(2 * events)
    return measured.with_figures(up_s=up_s, cold_s=cold_s, warm_s=warm_s, stack_bytes=status["rss_bytes"])


def _timed(*arguments: str) -> tuple[float, str]:
    watch = Stopwatch()
    watch.start()
    text = _run(*arguments)
    watch.stop()
    return watch.measure(0).wall_s, text


def _run(*arguments: str) -> str:
    return subprocess.run([*COMMAND, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout
