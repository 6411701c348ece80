"""Rows 6, 7 and 18: owners that freeze and wake up, come and go, and are told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from pathlib import Path

import pytest

from shoplake.contract import TOPICS
from shoplake.failpoints import VARIABLE
from shoplake.sinks import SINKS

from . import worker_reporting_writes
from .fault_stack import Lab, batch_for
from .nemesis import Nemesis
from .stores import Stores
from .workers import Worker

pytestmark = [pytest.mark.stack, pytest.mark.fault]

LAKE_COMMIT = "lake.commit.before"
OBSERVED = (str(Path(worker_reporting_writes.__file__)),)
# Where a zombie does most harm: what it has decided to write is not written yet.
FREEZE_AT = {
    "lake": ("lake.write.before", LAKE_COMMIT),
    "postgres": ("postgres.write.before", "postgres.checkpoint.before", "postgres.commit.before"),
    "dynamodb": ("dynamodb.write.before", "dynamodb.checkpoint.before"),
    "mongo": ("mongo.write.before", "mongo.checkpoint.before"),
    "redis": ("redis.commit.before",),
}
BATCH = 250
# So small that the log lasts while workers come and go.
TINY_BATCH = {"lake": 250, "postgres": 25, "dynamodb": 100, "mongo": 25, "redis": 10}
STOP_WITHIN_S = 10.0


@pytest.mark.row(6)
async def test_a_frozen_owner_writes_nothing_after_a_takeover(lab: Lab, nemesis: Nemesis) -> None:
    await lab.log_of(lab.tier.large_log)  # heirs read on while a slow zombie wakes up
    async with lab.stores(*SINKS) as stores:
        async with lab.feeding():
            for number in range(lab.tier.zombies):
                # Its own group: in one that still knows the members of the round before, two new ones get a half each.
                group = stores.group(number)
                await asyncio.gather(*(zombie(lab, nemesis.of(sink, number), sink, stores, group) for sink in SINKS))
        await asyncio.gather(*(lab.finish(sink, stores) for sink in SINKS))
        await lab.check(6, "SIGSTOP, take-over, SIGCONT", stores, SINKS, faults=lab.tier.zombies)


async def zombie(lab: Lab, nemesis: Nemesis, sink: str, stores: Stores, group: dict[str, str]) -> None:
    """One owner freezes with a write in its hands, another takes over and writes, the first wakes up."""
    name, visit = nemesis.pick(FREEZE_AT[sink]), nemesis.number(1, 3)
    if name == LAKE_COMMIT:
        visit += len(TOPICS)  # taking over commits to each table as well
    armed = f"{name}=stop:{visit}"
    nemesis.note(armed)
    async with lab.worker(sink, stores, {VARIABLE: armed} | group, batch=BATCH, wrapper=OBSERVED) as frozen:
        await frozen.stopped()
        before = len(worker_reporting_writes.outcomes(frozen.errors))
        async with lab.worker(sink, stores, group, batch=BATCH) as heir:
            await heir.applied_at_least(BATCH)
            frozen.send(signal.SIGCONT)
            raised = await outcomes_after(frozen, before)
            nemesis.note(f"woke up, and heard {raised}")
            assert "" not in raised, f"{sink}: the write of a fenced owner ended with {raised}"


async def outcomes_after(frozen: Worker, before: int) -> list[str]:
    """What the zombie's write came to, each time that it was tried under its old epochs: until it was fenced, or
    written, or given up for new epochs, under which there may be nothing left to write."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        found = worker_reporting_writes.outcomes(frozen.errors)[before:]
        old = [outcome.raised for outcome in found if outcome.epochs == found[0].epochs]
        if len(old) < len(found) or {"", "Fenced"} & set(old) or (old and frozen.state == "caught up"):
            return old
        await asyncio.sleep(0.1)
    raise AssertionError(f"{frozen}: nothing came of its write after it woke up")


@pytest.mark.row(7)
async def test_workers_may_join_and_leave_while_others_write(lab: Lab, nemesis: Nemesis) -> None:
    await lab.log_of(lab.tier.small_log)
    async with lab.stores(*SINKS) as stores:
        async with lab.feeding():
            await asyncio.gather(*(come_and_go(lab, nemesis.of(sink), sink, stores) for sink in SINKS))
        await asyncio.gather(*(lab.finish(sink, stores) for sink in SINKS))
        await lab.check(7, "workers join and leave", stores, SINKS, faults=lab.tier.joins)


async def come_and_go(lab: Lab, nemesis: Nemesis, sink: str, stores: Stores) -> None:
    """Between one and three workers share the partitions; who leaves does so politely or not."""
    async with contextlib.AsyncExitStack() as stack:

        async def join() -> Worker:
            return await stack.enter_async_context(lab.worker(sink, stores, batch=TINY_BATCH[sink]))

        members = [await join()]
        await members[0].applied_at_least(1)
        for _ in range(lab.tier.joins):
            leaving = len(members) > 1 and (len(members) == 3 or nemesis.number(0, 1))
            if leaving:
                leaver = members.pop(nemesis.number(0, len(members) - 1))
                number = nemesis.pick((signal.SIGTERM, signal.SIGKILL))
                leaver.send(number)
                nemesis.note(f"{number.name} to {leaver}")
                await leaver.ended()
            else:
                members.append(await join())
                nemesis.note(f"{members[-1]} joins")
            await asyncio.sleep(nemesis.seconds(1, 5))


@pytest.mark.row(18)
async def test_a_stopped_worker_leaves_nothing_to_repeat(lab: Lab, nemesis: Nemesis) -> None:
    await lab.log_of(lab.tier.small_log)
    async with lab.stores(*SINKS) as stores:
        longest_s = await asyncio.gather(*(terminate(lab, nemesis.of(sink), sink, stores) for sink in SINKS))
        note = f"exit after at most {max(longest_s):.1f} s"
        await lab.check(18, "SIGTERM", stores, SINKS, faults=lab.tier.terminations, note=note)


async def terminate(lab: Lab, nemesis: Nemesis, sink: str, stores: Stores) -> float:
    """The longest time that a worker took to end; every record is read once, by one of them."""
    read, longest_s, records = 0, 0.0, await lab.records(sink)
    batch = min(TINY_BATCH[sink], batch_for(records, lab.tier.terminations))
    for _ in range(lab.tier.terminations):
        async with lab.worker(sink, stores, batch=batch) as worker:
            await worker.applied_at_least(nemesis.number(1, 4 * batch))
            await asyncio.sleep(nemesis.seconds(0, 0.2))
            begun = time.monotonic()
            worker.send(signal.SIGTERM)
            assert await worker.ended(4 * STOP_WITHIN_S) == 0, str(worker)
            longest_s = max(longest_s, time.monotonic() - begun)
            nemesis.note(f"SIGTERM to {worker}")
            read += worker.applied
    read += (await lab.finish(sink, stores)).applied
    assert read == records, f"{sink}: records were read twice, or not at all"
    return longest_s
