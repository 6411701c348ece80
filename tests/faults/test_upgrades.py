"""Row 22: old and new processes of each kind side by side, in both orders, with kills."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer

from shoplake import contract_log, kafka
from shoplake.bench.kafka_log import empty
from shoplake.contract import DEAD_LETTERS
from shoplake.contract.schema import own_version
from shoplake.failpoints import VARIABLE
from shoplake.sinks import SINKS

from .fault_stack import Lab
from .releases import next_release
from .stores import Stores

ROW = 22
EVENTS = 4
WAIT_S = 120
OLD: Mapping[str, str] = {}
STEPS = ("write", "checkpoint", "commit")


@pytest.fixture
async def new_log(lab: Lab) -> AsyncIterator[None]:
    """An empty log under this release's contract; what the test makes of it stays with the test."""
    await empty(lab.settings.kafka)
    yield
    await empty(lab.settings.kafka)


@pytest.mark.row(ROW)
@pytest.mark.usefixtures("new_log")
async def test_old_and_new_programs_side_by_side_lose_nothing_and_repeat_nothing(
    lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """One log, several stores: some read by old programs first, some by new ones, before and behind the new version."""
    new = await asyncio.to_thread(next_release, tmp_path_factory.mktemp("release"))
    everyone = (*SINKS, DEAD_LETTERS)
    async with lab.stores(*SINKS) as stores:
        # New programs while the old version is in force: a page that only the new one knows is refused by both.
        await pages(lab, "before")
        # The lake's tables are made by the new one, without the column that belongs to the new version.
        await settle(lab, stores, new, everyone[:3])
        await settle(lab, stores, OLD, everyone[3:])
        await settle(lab, stores, new, everyone)
        await exact(lab, stores, OLD)
        await exact(lab, stores, new)

        # The activation is killed at each step; after that it is in force once.
        for step in STEPS:
            armed = {**new, VARIABLE: f"contracts.{step}.before=kill"}
            async with lab.command("contract", "activate", environment=armed) as command:
                assert await command.wait() == -signal.SIGKILL
            await pages(lab, f"killed-{step}")
        async with (
            lab.command("contract", "activate", environment=new) as first,
            lab.command("contract", "activate", environment=new) as second,
        ):
            assert [await first.wait(), await second.wait()] == [0, 0]
        known = await contract_log.read(lab.settings.kafka)
        assert known.unreadable is not None
        assert known.unreadable.version == own_version() + 1

        # Old programs stop at the markers and say so; events that only the new version takes lie behind.
        await pages(lab, "after")
        await asyncio.gather(*(stopped_by_the_marker(lab, stores, name) for name in everyone))
        code, said = await verified(lab, stores, OLD)
        assert (code, "SL0401" in said) == (1, True), said

        # An old one that goes on waits, and a new one beside it does the work; killed, it is started again.
        async with lab.worker("redis", stores, OLD) as old:
            await old.until(lambda worker: worker.state == "waiting", "it waited for an upgrade")
        await asyncio.gather(*(killed(lab, stores, new, name) for name in everyone))
        await settle(lab, stores, new, everyone)
        await exact(lab, stores, new)
        await lab.note(ROW, "old and new releases side by side", everyone, len(STEPS) + len(everyone))


@pytest.mark.row(ROW)
@pytest.mark.usefixtures("new_log")
async def test_a_forged_marker_is_an_invalid_record(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> None:
    new = await asyncio.to_thread(next_release, tmp_path_factory.mktemp("release"))
    async with lab.stores("redis") as stores:
        async with AIOKafkaProducer(**kafka.client_options(lab.settings.kafka)) as producer:
            await producer.send_and_wait("clicks", key=b"k", headers=[("shoplake-contract", b"99")])
        await settle(lab, stores, new, ("redis", DEAD_LETTERS))
        await exact(lab, stores, new, "redis", "dead_letters")


async def pages(lab: Lab, what: str) -> None:
    """Views of a page that only the new contract knows, and of one that both know, with the new field."""
    mark = f"{what}-{uuid.uuid4().hex[:8]}"
    async with AIOKafkaProducer(**kafka.client_options(lab.settings.kafka)) as producer:
        for n in range(EVENTS):
            event = {"type": "page_viewed", "event_id": f"{mark}-{n}", "occurred_at_ms": 1_788_300_000_000 + n}
            page = {"session_id": f"{mark}-{n}", "page": "stories" if n % 2 else "home", "story": "a-story"}
            await producer.send_and_wait("clicks", json.dumps(event | page).encode(), f"{mark}-{n}".encode())


async def settle(lab: Lab, stores: Stores, release: Mapping[str, str], names: tuple[str, ...]) -> None:
    """Bring everything into these stores."""

    async def one(name: str) -> None:
        async with lab.worker(name, stores, release, until_caught_up=True) as worker:
            assert await worker.ended() == 0, worker

    await asyncio.gather(*map(one, names))


async def stopped_by_the_marker(lab: Lab, stores: Stores, name: str) -> None:
    """Run an old worker, which ends where the newer version begins."""
    async with lab.worker(name, stores, OLD, until_caught_up=True) as worker:
        assert await worker.ended() == 1, worker
        assert f"contract version {own_version() + 1}" in worker.failure, worker
        assert "upgrade" in worker.failure, worker


async def killed(lab: Lab, stores: Stores, release: Mapping[str, str], name: str) -> None:
    """Run a worker for a moment."""
    async with lab.worker(name, stores, release, batch=1) as worker:
        await asyncio.sleep(lab.nemesis(ROW, name).seconds(0, 6))
        await worker.kill()


async def exact(lab: Lab, stores: Stores, release: Mapping[str, str], *names: str) -> None:
    """Have that release's `verify` say that all stores hold what they should."""
    code, said = await verified(lab, stores, release, *names)
    assert code == 0, said


async def verified(lab: Lab, stores: Stores, release: Mapping[str, str], *names: str) -> tuple[int | None, str]:
    wanted = ",".join(names or (*SINKS, "dead_letters"))
    async with output(stores, release, "verify", "--stores", wanted, "--json") as process:
        said, _ = await asyncio.wait_for(process.communicate(), WAIT_S)
        return process.returncode, said.decode()


@asynccontextmanager
async def output(
    stores: Stores, release: Mapping[str, str], *arguments: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shoplake.cli.main", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **stores.environment, **release},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
