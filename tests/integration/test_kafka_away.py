"""Kafka is killed under running workers and comes back: they wait, say so, and go on exactly."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shoplake import kafka
from shoplake import stack as embedded
from shoplake.errors import LogUnavailable, PublishError, StreamHalted
from shoplake.publish import kafka as publishing
from shoplake.publish.kafka import publish
from shoplake.publish.run import Run, load_scenario
from shoplake.settings import Settings
from shoplake.streaming.log_bounds import Log
from shoplake.streaming.worker import DEAD_LETTERS, Failure
from shoplake.streaming.worker_reports import Progress
from shoplake.topic_identity import TopicIds
from shoplake.verify import verify

pytestmark = [pytest.mark.stack, pytest.mark.fault]

WAIT_S = 240
SEED = 88
EVENTS = 6_000


class Worker:
    """A worker process and what it last said of itself."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.reports: list[Progress] = []
        self.failure = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "shoplake.streaming.worker", name, "--report-every-s", "0.1"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = msgspec.json.decode(line, type=Progress | Failure)
            if isinstance(said, Failure):
                self.failure = said.error
            else:
                self.reports.append(said)

    def until(self, condition: Callable[[Progress], bool]) -> Progress:
        """The first report from now on of which this holds."""
        seen = len(self.reports)
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            for report in self.reports[seen:]:
                if condition(report):
                    return report
            assert self.process.poll() is None, f"{self.name} ended: {self.failure}"
            time.sleep(0.05)
        raise AssertionError(f"{self.name} stayed {self.reports[-1:]}")

    def stop(self) -> int:
        self.process.terminate()
        code = self.process.wait(WAIT_S)
        self._listener.join(WAIT_S)
        return code


@contextmanager
def worker(name: str) -> Iterator[Worker]:
    one = Worker(name)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.wait()


def kill_kafka() -> None:
    (kafka_,) = [server for server in embedded.status().servers if server.name == "kafka"]
    assert kafka_.pid is not None
    os.kill(kafka_.pid, signal.SIGKILL)


async def grow(settings: Settings, events: int) -> None:
    await publish(settings.kafka, Run(load_scenario("demo"), SEED, events))


@pytest.mark.parametrize("name", ["redis", DEAD_LETTERS])
async def test_a_worker_waits_for_a_killed_kafka_and_continues_exactly_once(platform: Settings, name: str) -> None:
    store = "redis" if name == "redis" else "dead_letters"
    base = 0 if name == "redis" else 2 * EVENTS
    await grow(platform, base + EVENTS)
    with worker(name) as one:
        one.until(lambda said: said.state == "caught up")
        kill_kafka()
        one.until(lambda said: (said.state, said.waiting_for) == ("waiting", "kafka"))
        embedded.up()
        await grow(platform, base + 2 * EVENTS)
        one.until(lambda said: said.state == "caught up" and said.lag == 0)
        assert one.stop() == 0, one.failure
    report = await verify(platform, ["log", store])
    assert report.ok, [str(finding) for one in report.stores for finding in one.findings[:5]]


async def test_a_publisher_reports_an_unavailable_kafka_and_the_next_run_continues(
    platform: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(publishing, "SILENT_S", 1.0)
    monkeypatch.setattr(publishing, "GIVE_UP_S", 4.0)
    run, said = Run(load_scenario("demo"), SEED + 1, 60_000), []

    def kill(events: int, window: object) -> None:
        if window is not None and events < 60_000:
            kill_kafka()

    begun = time.monotonic()
    try:
        with pytest.raises(PublishError, match=r"did not accept the events: no answer for 4 s") as error:
            await publish(platform.kafka, run, watch=kill, say=said.append)
        assert time.monotonic() - begun < 60
        assert "run the same command again: it continues where it stopped" in error.value.fix
        assert len(said) == 1
        assert "does not answer; waiting up to 4 s" in said[0]
        gc.collect()
        assert "never retrieved" not in caplog.text
    finally:
        embedded.up()
    done = await publish(platform.kafka, run)
    assert done.events == 60_000
    report = await verify(platform, ["log"])
    assert report.ok


async def make_topic(settings: Settings, name: str) -> None:
    """A topic of this name, another one than was there; the broker learns of it a moment after the controller."""
    ids = TopicIds(settings.kafka)
    admin = AIOKafkaAdminClient(**kafka.client_options(settings.kafka))
    await admin.start()
    try:
        before = await ids.read([name])
        await admin.delete_topics([name])
        async with asyncio.timeout(WAIT_S):
            while (await ids.read([name])) in ({}, before):
                await admin.create_topics([NewTopic(name, 2, 1)])
                await asyncio.sleep(0.1)
    finally:
        await admin.close()
        await ids.close()


async def answer(log: Log) -> None:
    """Ask until Kafka is there to answer."""
    async with asyncio.timeout(WAIT_S):
        while True:
            with contextlib.suppress(LogUnavailable):
                return await log.refuse_recreated()
            await asyncio.sleep(0.1)


async def test_a_recreated_topic_is_distinguished_from_a_broker_restart(platform: Settings) -> None:
    await make_topic(platform, "recreated")
    log = Log(platform.kafka, ["recreated"])
    try:
        await log.learn()
        kill_kafka()
        embedded.up()
        await answer(log)
        await make_topic(platform, "recreated")
        with pytest.raises(StreamHalted, match="topic recreated was recreated"):
            await answer(log)
    finally:
        await log.close()
