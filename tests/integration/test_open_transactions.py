"""Somebody else's open transaction, behind which nothing can be read."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from shoplake import kafka, open_transactions
from shoplake.contract import TOPICS
from shoplake.settings import KafkaSettings, Settings
from shoplake.verify import verify

pytestmark = pytest.mark.stack

NO_TIMEOUT_MS = 600_000
"""By default the broker ends a transaction after a minute. On a loaded machine a verification takes longer."""
TIMEOUT_S = 120
SHOPLAKE = [str(Path(sys.executable).with_name("shoplake"))]


@pytest.fixture
def cluster(platform: Settings) -> KafkaSettings:
    return platform.kafka


@contextlib.asynccontextmanager
async def open_transaction(cluster: KafkaSettings, topic: str, partition: int) -> AsyncIterator[int]:
    """A stranger's, with a record of somebody else's committed behind it; gives the first hidden offset."""
    options = kafka.client_options(cluster)
    async with (
        AIOKafkaProducer(**options, transactional_id="a stranger", transaction_timeout_ms=NO_TIMEOUT_MS) as stranger,
        AIOKafkaProducer(**options) as one,
    ):
        await stranger.begin_transaction()
        at = await stranger.send_and_wait(topic, b"x", b"k", partition=partition)
        await one.send_and_wait(topic, b"y", b"k", partition=partition)
        try:
            yield at.offset
        finally:
            await stranger.abort_transaction()


async def test_an_open_transaction_is_reported_with_its_id_age_and_hidden_records(cluster: KafkaSettings) -> None:
    assert list(await open_transactions.find(cluster, TOPICS)) == []
    async with open_transaction(cluster, "orders", 2) as first:
        (found,) = await open_transactions.find_lasting(cluster, list(TOPICS), 0.5)
        done = await asyncio.to_thread(subprocess.run, [*SHOPLAKE, "lag", "--json"], capture_output=True, check=False)
    assert (found.partition, found.first_offset, found.hidden) == ("orders-2", first, 2)
    assert found.transactional_id == "a stranger"
    assert found.producer_id is not None
    assert found.since_ms is not None
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)["open_transactions"]
    assert (told["partition"], told["transactional_id"]) == ("orders-2", "a stranger")


async def test_a_running_stream_warns_of_an_open_transaction_once(cluster: KafkaSettings) -> None:
    command = [*SHOPLAKE, "stream", "--sinks", "none"]  # the dead-letter step alone
    async with open_transaction(cluster, "orders", 3):
        running = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        assert running.stderr is not None
        try:
            async with asyncio.timeout(TIMEOUT_S):
                warning = b""
                while not warning.startswith(b"warning: orders-3"):
                    warning = await running.stderr.readline()
                    assert warning, "it ended without a warning"
        finally:
            running.send_signal(signal.SIGINT)
            rest = await running.stderr.read()
            await running.wait()
    assert b"a transaction of 'a stranger'" in warning
    assert b"warning:" not in rest


async def test_verify_is_not_exact_behind_an_open_transaction_and_names_it(
    platform: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "STABLE_TIMEOUT_S", 2)
    async with open_transaction(platform.kafka, "orders", 4):
        report = await verify(platform, ["log"])
    assert not report.ok
    (told,) = report.hidden
    assert "orders-4: a transaction of 'a stranger'" in told


async def test_a_short_transaction_is_not_reported(cluster: KafkaSettings) -> None:
    async def short() -> None:
        async with open_transaction(cluster, "orders", 1):
            await asyncio.sleep(0.5)

    publishing = asyncio.create_task(short())
    await asyncio.sleep(0.2)
    assert list(await open_transactions.find_lasting(cluster, list(TOPICS), 30.0)) == []
    await publishing
