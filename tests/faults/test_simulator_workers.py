"""The simulator's processes: their number changes nothing, and none outlives its parent."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

import shopsim
from shopsim.engine.parallel import _receive_output

pytestmark = pytest.mark.fault


def digest(windows) -> str:
    """sha256 over topic, key, value and fault of each event."""
    whole = hashlib.sha256()
    for window in windows:
        for column in ("topic", "key", "value", "fault"):
            values = window.rows[column].cast(pl.Binary if column != "topic" else pl.String).cast(pl.Binary)
            whole.update(b"\n".join(value or b"" for value in values.to_list()))
    return whole.hexdigest()


def crew() -> list[multiprocessing.process.BaseProcess]:
    return [process for process in multiprocessing.active_children() if process.name.startswith("shopsim")]


BEGIN = {"load-test": shopsim.Position(7)}  # its first windows are mostly registrations


@pytest.mark.parametrize("name", shopsim.scenarios())
def test_any_number_of_processes_and_a_resume_give_the_same_bytes(name):
    scenario, begin = shopsim.load_scenario(name), BEGIN.get(name, shopsim.Position())
    limit, stop = 75_000, 40_001
    alone = list(shopsim.stream(scenario, 7, start=begin, limit=limit))
    assert len(alone) > 1
    for workers in (2, 3, 7):
        assert digest(shopsim.stream(scenario, 7, start=begin, limit=limit, workers=workers)) == digest(alone)
    stopped = list(shopsim.stream(scenario, 7, start=begin, limit=stop, workers=2))
    assert stopped[-1].next.skip > 0  # in the midst of a window
    resumed = shopsim.stream(scenario, 7, start=stopped[-1].next, limit=limit - stop, workers=3)
    assert digest_of_events([*stopped, *resumed]) == digest_of_events(alone)


def digest_of_events(windows) -> str:
    """The same wherever the events are cut into windows."""
    whole = hashlib.sha256()
    for window in windows:
        for key, value in zip(window.rows["key"], window.rows["value"], strict=True):
            whole.update(key.encode() + b"\n" + value + b"\n")
    return whole.hexdigest()


def test_no_worker_is_left_when_the_stream_is_closed():
    windows = shopsim.stream(shopsim.load_scenario("slow-startup"), 7, workers=2)
    next(windows)
    assert len(crew()) == 2
    windows.close()
    assert crew() == []


def test_a_worker_that_dies_is_reported():
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    worker = context.Process(target=os._exit, args=(9,), name="shopsim-1")
    worker.start()
    sender.close()
    with pytest.raises(shopsim.WorkerFailed, match="shopsim-1 died with exit code 9"):
        _receive_output(worker, receiver)


def test_workers_that_cannot_even_start_are_reported():
    """As they cannot where the main program has no file."""
    program = "import shopsim; print(next(shopsim.stream(shopsim.load_scenario('demo'), 7, workers=2)))"
    ended = subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True, timeout=120)
    assert "WorkerFailed: shopsim-0 died with exit code 1" in ended.stderr


def test_workers_die_with_a_parent_that_is_killed(tmp_path):
    program = tmp_path / "parent.py"
    program.write_text(
        "import multiprocessing, shopsim, time\n"
        "if __name__ == '__main__':\n"
        "    windows = shopsim.stream(shopsim.load_scenario('slow-startup'), 7, workers=2)\n"
        "    next(windows)\n"
        "    print(*[p.pid for p in multiprocessing.active_children()], flush=True)\n"
        "    time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
    workers = [int(pid) for pid in parent.stdout.readline().split()]
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while any(is_running(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(workers) == 2
    assert not any(is_running(pid) for pid in workers)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
