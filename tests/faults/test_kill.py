"""Rows 1 to 4: kill -9 at any time, and again, and again; then nothing is lost, and nothing is there twice."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from .fault_stack import Lab, batch_for
from .nemesis import Kill, Nemesis
from .stores import Stores
from .workers import Worker

pytestmark = [pytest.mark.stack, pytest.mark.fault]

ROWS = {1: ("lake",), 2: ("postgres",), 3: ("dynamodb", "mongo", "redis")}


@dataclass(frozen=True)
class Survivors:
    """Stores whose sinks were killed, and the longest time until the next one had a batch in its store."""

    stores: Stores
    kills: dict[str, int]
    recover_s: dict[str, float]


@pytest_asyncio.fixture(scope="module")
async def survivors(lab: Lab, rows: frozenset[int]) -> AsyncIterator[Survivors]:
    """Sinks are killed side by side: most of the time passes while the group waits for a dead member."""
    sinks = [sink for row, names in ROWS.items() if row in rows for sink in names]
    await lab.log_of(lab.tier.large_log)
    async with lab.stores(*sinks) as stores:
        kills = {s: lab.tier.transactional_kills if s in ("lake", "postgres") else lab.tier.keyed_kills for s in sinks}
        torn = [torn_down(lab, lab.nemesis("kill", sink), sink, stores, kills[sink]) for sink in sinks]
        recover_s = await asyncio.gather(*torn)
        await asyncio.gather(*(lab.finish(sink, stores) for sink in sinks))
        yield Survivors(stores, kills, dict(zip(sinks, recover_s, strict=True)))


async def torn_down(lab: Lab, nemesis: Nemesis, sink: str, stores: Stores, count: int) -> float:
    """Kill a sink so often; returns the longest recovery in seconds."""
    recoveries_s, killed_at = [0.0], time.monotonic()
    records = await lab.records(sink)
    for number, kill in enumerate(nemesis.kills(count, records)):
        async with lab.worker(sink, stores, batch=batch_for(records, count)) as worker:
            await moment(worker, kill)
            nemesis.note(f"{kill} of {worker}")
            await worker.kill()
        if number and worker.first_applied_at is not None:
            recoveries_s.append(worker.first_applied_at - killed_at)
        killed_at = time.monotonic()
    return max(recoveries_s)


async def moment(worker: Worker, kill: Kill) -> None:
    """Wait until it is time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(kill.within_s):
            await worker.applied_at_least(kill.events)
    assert worker.state != "caught up", "all was done before the worker could be killed: a longer log is needed"
    await asyncio.sleep(kill.then_s)


@pytest.mark.row(1)
async def test_a_killed_lake_sink_loses_and_repeats_nothing(lab: Lab, survivors: Survivors) -> None:
    await check(lab, 1, survivors)


@pytest.mark.row(2)
async def test_a_killed_postgres_sink_loses_and_repeats_nothing(lab: Lab, survivors: Survivors) -> None:
    await check(lab, 2, survivors)


@pytest.mark.row(3)
async def test_killed_sinks_of_keyed_stores_lose_and_repeat_nothing(lab: Lab, survivors: Survivors) -> None:
    await check(lab, 3, survivors)


async def check(lab: Lab, row: int, survivors: Survivors) -> None:
    kills, recover_s = survivors.kills, survivors.recover_s
    await lab.check(row, "sink kill -9", survivors.stores, ROWS[row], faults=kills, recover_s=recover_s)


@pytest.mark.row(4)
async def test_a_killed_publisher_goes_on_and_the_log_equals_the_simulation(lab: Lab, nemesis: Nemesis) -> None:
    before = await lab.published()
    share = (lab.tier.large_log - before) // (lab.tier.publisher_kills + 1)
    assert share > 0, "the log is as long as it should become: there is nothing left to be killed at"
    for number in range(1, lab.tier.publisher_kills + 1):
        wanted = before + share * (number - 1) + nemesis.number(0, share // 2)
        async with lab.publisher(lab.tier.large_log) as publisher:
            await grown(lab, wanted, publisher)
            await asyncio.sleep(nemesis.seconds(0, 0.2))
        nemesis.note(f"kill publisher, wanted {wanted}")
        assert publisher.returncode == -signal.SIGKILL, "the publisher was done before it could be killed"
    async with lab.stores() as stores:
        await lab.log_of(lab.tier.large_log)
        await lab.check(4, "publisher kill -9", stores, ["log"], faults=lab.tier.publisher_kills)


async def grown(lab: Lab, events: int, publisher: asyncio.subprocess.Process) -> None:
    """Wait until more than so many events are in the log."""
    deadline = time.monotonic() + 120
    while await lab.published() <= events:
        assert publisher.returncode is None, "the publisher ended before it could be killed"
        assert time.monotonic() < deadline, f"the log did not grow beyond {events} events"
        await asyncio.sleep(0.1)
