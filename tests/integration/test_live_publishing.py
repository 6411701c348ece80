"""A live run publishes the simulation and nothing else, at its time; Ctrl-C leaves what the next run goes on from."""

from __future__ import annotations

import asyncio
import datetime as dt
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import shopsim
from shoplake.publish.kafka import publish
from shoplake.publish.progress_records import read_progress
from shoplake.publish.rate_limit import Pace
from shoplake.publish.run import Run
from shoplake.settings import KafkaSettings, Settings
from shoplake.verify import verify

from .published_log import Log, by_partition, run_of, simulated

pytestmark = pytest.mark.stack

SEED = 980_001
TIMEOUT_S = 120
HOUR_MS = 3_600_000


class Clock:
    """Time goes by while somebody sleeps, at once; `stop_at_s` is when somebody presses Ctrl-C."""

    def __init__(self, now_s: float, stop_at_s: float) -> None:
        self._now_s, self._stop_at_s = now_s, stop_at_s

    def now_s(self) -> float:
        return self._now_s

    async def sleep(self, seconds: float) -> None:
        self._now_s += seconds
        if self._now_s >= self._stop_at_s:
            raise asyncio.CancelledError


@pytest.fixture
def cluster(platform: Settings) -> KafkaSettings:
    return platform.kafka


async def live(cluster: KafkaSettings, run: Run, from_ms: int, to_ms: int) -> None:
    """A live run that is begun at one time and stopped at another."""
    clock = Clock(from_ms / 1000, to_ms / 1000)
    with pytest.raises(asyncio.CancelledError):
        await publish(cluster, run, pace=Pace(live=True, per_s=20_000), clock=clock)


async def test_live_publishes_past_events_at_once_and_resumes_after_a_stop(
    cluster: KafkaSettings,
) -> None:
    log = await Log(cluster).begin()
    run = run_of(None, SEED, customers=few_customers())
    start_ms = run.scenario.start_ms
    for begin, end in ((30, 31), (31.5, 31.6), (40, 40.5)):  # hours of the shop; between them nobody publishes
        await live(cluster, run, start_ms + int(begin * HOUR_MS), start_ms + int(end * HOUR_MS))
        until = run_of(None, SEED, customers=few_customers(), until_ms=start_ms + int(end * HOUR_MS))
        found, wanted = await log.records(), simulated(until)
        missing = len(wanted) - len(found)
        assert 0 <= missing < 10  # what has come in the last half second
        assert by_partition(found) == by_partition(wanted[: len(found)])
    assert len(found) > 3_000


def few_customers() -> dict[str, object]:
    return shopsim.load_scenario("demo").to_dict()["customers"] | {"initial": 150}


def test_ctrl_c_ends_a_live_command_and_the_next_one_continues(platform: Settings, tmp_path: Path) -> None:
    start = (dt.datetime.now(dt.UTC) - dt.timedelta(days=20)).date()
    (tmp_path / "live.yaml").write_text(
        (Path(__file__).parents[2] / "generators" / "scenarios" / "demo.yaml")
        .read_text()
        .replace("name: demo", "name: live")
    )
    command = [
        *(sys.executable, "-m", "shoplake.cli.main", "generate", "--scenario", str(tmp_path / "live.yaml")),
        *("--start", f"{start}", "--workers", "2", "--faults-out", str(tmp_path / "faults.jsonl")),
    ]
    before = 0
    for _ in range(2):
        with subprocess.Popen([*command, "--live", "--rate", "4000/s", "--watch"], stderr=subprocess.PIPE) as running:
            wait_for_more_than(platform, before)
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=TIMEOUT_S)
        assert running.returncode == 130, said.decode()
        assert b"interrupted; run the same command again to continue" in said
        assert b"Traceback" not in said
        assert b' {"type":"' in said  # a sample of the events
        assert (tmp_path / "faults.jsonl").exists()
        after = published(platform)
        assert after > before
        before = after
    command += ["--events", f"{before + 5_000}"]
    done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, text=True)
    assert done.stdout == f"{before + 5_000:,} events of 'live-7' are in the log\n"
    report = asyncio.run(verify(platform, ["log"]))
    assert report.ok, report.stores[0].findings


def published(platform: Settings) -> int:
    done = asyncio.run(read_progress(platform.kafka)).get("live-7")
    return done.events if done is not None else 0


def wait_for_more_than(platform: Settings, events: int) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while published(platform) <= events:
        assert time.monotonic() < deadline
        time.sleep(0.1)
