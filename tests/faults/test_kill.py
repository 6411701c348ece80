"""kill -9 in the middle of the work, twice each, then a restart: nothing is lost, nothing is there twice."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time

import msgspec
import pytest

from shoplake.publish.progress import read_progress
from shoplake.settings import Settings
from shoplake.sinks import SINKS
from shoplake.streaming.loop import Progress
from shoplake.verify import verify

pytestmark = [pytest.mark.stack, pytest.mark.fault]

EVENTS = 100_000
SEED = 2026
KILLS = 2
# Small batches, so that a kill meets many of them half done.
BATCH = 2_000
WORK_TIMEOUT_S = 240


@pytest.fixture(scope="session")
def published(platform: Settings) -> Settings:
    """100k events in the log, by a publisher that was killed twice while it wrote them."""
    generate = [
        *(sys.executable, "-m", "shoplake.cli.main", "generate", "--scenario", "demo"),
        *("--seed", str(SEED), "--events", str(EVENTS)),
    ]
    delays = random.Random(SEED)
    for _ in range(KILLS):
        before = _published(platform)
        publisher = subprocess.Popen(generate)
        deadline = time.monotonic() + WORK_TIMEOUT_S
        while _published(platform) == before and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(delays.uniform(0, 0.3))
        publisher.send_signal(signal.SIGKILL)
        assert publisher.wait() == -signal.SIGKILL, "the publisher was done before it could be killed"
        assert before < _published(platform) < EVENTS
    assert subprocess.run(generate, timeout=WORK_TIMEOUT_S, check=False).returncode == 0
    return platform


def _published(settings: Settings) -> int:
    found = asyncio.run(read_progress(settings.kafka)).get(f"demo-{SEED}")
    return found.events if found is not None else 0


async def test_a_killed_publisher_goes_on_and_the_log_equals_the_simulation(published: Settings) -> None:
    report = await verify(published, ["log"])
    assert report.as_json()["log"]["found"] >= EVENTS
    assert report.ok, [str(finding) for store in report.stores for finding in store.findings[:5]]


@pytest.mark.parametrize("sink", SINKS)
async def test_a_killed_sink_goes_on_where_its_store_stands(published: Settings, sink: str) -> None:
    chance = random.Random(f"{SEED}-{sink}")
    for _ in range(KILLS):
        worker = _start(sink)
        try:
            _await_applied(worker, at_least=chance.randrange(1, 4 * BATCH))
            await asyncio.sleep(chance.uniform(0, 0.04))
        finally:
            worker.kill()
        assert worker.wait() == -signal.SIGKILL, f"{sink} ended before it could be killed"
    assert _finish(sink) == 0
    report = await verify(published, [sink])
    assert report.ok, [str(finding) for store in report.stores for finding in store.findings[:5]]


def _start(sink: str, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "shoplake.streaming.worker", sink, "--max-records", str(BATCH)]
    return subprocess.Popen(
        [*command, "--report-every-s", "0", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def _finish(sink: str) -> int:
    worker = _start(sink, "--until-caught-up")
    assert worker.stdout is not None
    # Its standard input stays open: a worker takes the end of it for the end of its parent.
    worker.stdout.read()
    return worker.wait(WORK_TIMEOUT_S)


def _await_applied(worker: subprocess.Popen[bytes], *, at_least: int) -> None:
    """Return in the middle of the work: some batches are in the store, and more are waiting in the log."""
    assert worker.stdout is not None
    for line in worker.stdout:
        report = msgspec.json.decode(line)
        assert report["type"] == Progress.__struct_config__.tag, report
        assert report["state"] != "caught up", "all was done before the worker could be killed"
        if report["applied"] >= at_least:
            return
    raise AssertionError("the worker ended before it could be killed")
