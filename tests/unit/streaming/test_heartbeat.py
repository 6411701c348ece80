"""A stream's sign of life: there while every worker reports, gone when one falls silent."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time

import msgspec
import pytest

from shoplake.errors import StreamHalted
from shoplake.proc_stat import start_time
from shoplake.streaming import heartbeat
from shoplake.streaming.supervisor import WorkerView
from shoplake.streaming.worker_reports import Progress


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path))
    monkeypatch.setattr(heartbeat, "EVERY_S", 0)


def view(name: str) -> WorkerView:
    return WorkerView(name, Progress(1, 0, "caught up"))


def test_workers_with_recent_reports_are_healthy():
    with heartbeat.beating() as beat:
        beat([view("lake"), view("redis")])
        assert heartbeat.check(5) == ["lake", "redis"]


def test_an_unchanged_report_counts_as_a_report():
    with heartbeat.beating() as beat:
        beat([view("lake")])
        time.sleep(0.3)
        beat([view("lake")])
        assert heartbeat.check(0.25) == ["lake"]


def test_a_worker_without_recent_reports_is_named():
    silent = view("postgres")
    with heartbeat.beating() as beat:
        beat([view("lake"), silent])
        time.sleep(0.3)
        beat([view("lake"), silent])
        with pytest.raises(StreamHalted, match="found none from: postgres for 0 s"):
            heartbeat.check(0.25)


def test_a_missing_stream_is_reported():
    with pytest.raises(StreamHalted, match="found no heartbeat of a stream"):
        heartbeat.check(5)


def test_the_check_of_containers_has_the_exit_code_of_the_command():
    command = [sys.executable, "-m", "shoplake.streaming.heartbeat", "60"]
    with heartbeat.beating() as beat:
        beat([view("lake"), view("redis")])
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (found.returncode, found.stdout) == (0, "working: lake, redis\n")
    missing = subprocess.run(command, capture_output=True, text=True, check=False)
    assert missing.returncode == 1
    assert missing.stderr.startswith("found no heartbeat of a stream")


def test_views_are_passed_on():
    seen = []
    views = [view("lake")]
    with heartbeat.beating(seen.append) as beat:
        beat(views)
    assert seen == [views]


def test_a_stopped_stream_is_not_healthy():
    with contextlib.suppress(KeyboardInterrupt), heartbeat.beating() as beat:
        beat([view("lake")])
        raise KeyboardInterrupt
    with pytest.raises(StreamHalted, match="found no heartbeat of a stream"):
        heartbeat.check(60)


def test_a_killed_stream_is_not_healthy():
    script = (
        "import os\nfrom shoplake.streaming import heartbeat\nfrom shoplake.streaming.worker_reports import Progress\n"
        "from shoplake.streaming.supervisor import WorkerView\n"
        "with heartbeat.beating() as beat:\n    beat([WorkerView('lake', Progress())])\n    os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    with pytest.raises(StreamHalted, match=r"the stream that wrote the last heartbeat has ended \(pid \d+\)"):
        heartbeat.check(60)


def test_one_of_two_streams_that_ends_leaves_the_heartbeat_of_the_other():
    with heartbeat.beating() as beat:
        beat([view("lake")])
        other = heartbeat.Heartbeat(os.getppid(), start_time(os.getppid()), {"redis": time.time()})
        heartbeat.file().write_bytes(msgspec.json.encode(other))
    assert heartbeat.check(60) == ["redis"]
