"""A stream's sign of life: there while every worker reports, gone when one falls silent."""

from __future__ import annotations

import time

import pytest

from shoplake.errors import StreamHalted
from shoplake.streaming import heartbeat
from shoplake.streaming.progress import Progress
from shoplake.streaming.supervisor import WorkerView


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path))
    monkeypatch.setattr(heartbeat, "EVERY_S", 0)


def view(name: str) -> WorkerView:
    return WorkerView(name, Progress(1, 0, "caught up"))


def test_workers_that_report_are_working():
    beat = heartbeat.beating()
    beat([view("lake"), view("redis")])
    assert heartbeat.check(5) == ["lake", "redis"]


def test_a_report_like_the_last_one_is_a_report():
    beat = heartbeat.beating()
    beat([view("lake")])
    time.sleep(0.3)
    beat([view("lake")])
    assert heartbeat.check(0.25) == ["lake"]


def test_a_worker_of_which_nothing_new_is_heard_is_named():
    beat = heartbeat.beating()
    silent = view("postgres")
    beat([view("lake"), silent])
    time.sleep(0.3)
    beat([view("lake"), silent])
    with pytest.raises(StreamHalted, match="silent are: postgres for 0 s"):
        heartbeat.check(0.25)


def test_where_no_stream_runs_it_says_so():
    with pytest.raises(StreamHalted, match="no stream writes a heartbeat here"):
        heartbeat.check(5)


def test_what_it_sees_is_passed_on():
    seen = []
    views = [view("lake")]
    heartbeat.beating(seen.append)(views)
    assert seen == [views]
