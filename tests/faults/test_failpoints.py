"""Row 5: a crash before and after every write, commit and checkpoint; and the same places with a lost answer."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from shoplake.failpoints import NAMES, VARIABLE
from shoplake.sinks import SINKS
from shoplake.streaming.worker import DEAD_LETTERS

from .fault_stack import Lab
from .nemesis import Nemesis
from .stores import Stores

pytestmark = [pytest.mark.stack, pytest.mark.fault, pytest.mark.row(5)]

ROW = 5
HERE = [name for name in NAMES if not name.startswith("contracts.")]
"""Row 22 crashes the activation of a contract version, which is no sink, publisher or dead-letter step."""
PUBLISHER = "publish"
BATCH = 250
LAST_VISIT = 4
# The publisher and the dead-letter step have few, large transactions; these two sinks open all partitions at once.
FEW_VISITS = {"publish": 2, "dead-letters": 1, "postgres.open": 1, "redis.open": 1}
EVENTS_PER_CRASH = 6_000
WAIT_S = 120.0


@dataclass(frozen=True)
class Crashed:
    """What became of the processes.

    Attributes:
        codes: by failpoint, the exit codes of those that were to die there.
    """

    stores: Stores
    codes: dict[str, list[int]]


@pytest_asyncio.fixture(scope="module")
async def crashed(lab: Lab) -> AsyncIterator[Crashed]:
    """Each point once per crash of the tier, on the same stores: sinks side by side, then publisher, then letters."""
    await lab.log_of(lab.tier.small_log)
    codes: dict[str, list[int]] = {name: [] for name in NAMES}
    async with lab.stores(*SINKS) as stores:
        async with lab.feeding():
            await asyncio.gather(*(crash_everywhere(lab, sink, stores, codes) for sink in SINKS))
        await asyncio.gather(*(lose_answers_everywhere(lab, sink, stores) for sink in SINKS))
        await crash_everywhere(lab, PUBLISHER, stores, codes)
        async with lab.feeding():
            await crash_everywhere(lab, DEAD_LETTERS, stores, codes)
        await asyncio.gather(*(lab.finish(sink, stores) for sink in (*SINKS, DEAD_LETTERS)))
        yield Crashed(stores, codes)


def points_of(who: str) -> list[str]:
    return [name for name in NAMES if name.startswith(f"{who}.")]


def last_visit(name: str) -> int:
    """A process gets to this point at least so often."""
    return next((most for start, most in FEW_VISITS.items() if name.startswith(start)), LAST_VISIT)


async def crash_everywhere(lab: Lab, who: str, stores: Stores, codes: dict[str, list[int]]) -> None:
    nemesis = lab.nemesis(ROW, who)
    for round_ in range(lab.tier.crashes):
        for name in points_of(who):
            armed = {VARIABLE: f"{name}=kill:{nemesis.number(1, last_visit(name))}"}
            nemesis.note(armed[VARIABLE])
            codes[name].append(await crash(lab, who, stores, armed, f"{round_}-{name}"))


async def crash(lab: Lab, who: str, stores: Stores, armed: dict[str, str], life: str) -> int:
    """The exit code of a process in which a point is armed."""
    if who == PUBLISHER:
        async with lab.publisher(await lab.published() + EVENTS_PER_CRASH, armed) as publisher:
            return await asyncio.wait_for(publisher.wait(), WAIT_S)
    # A group of its own, so that nobody has to wait until a dead member is given up. Rows 1 to 3 have one for all.
    async with lab.worker(who, stores, armed | stores.group(life), batch=BATCH) as worker:
        return await worker.ended(WAIT_S)


async def lose_answers_everywhere(lab: Lab, sink: str, stores: Stores) -> None:
    """One life in which every point makes the sink believe once that its store did not answer."""
    nemesis: Nemesis = lab.nemesis(ROW, sink, "raise")
    armed = ",".join(f"{name}=raise:{nemesis.number(1, 4)}" for name in points_of(sink) if ".open." not in name)
    nemesis.note(armed)
    async with lab.worker(sink, stores, {VARIABLE: armed}, batch=BATCH, until_caught_up=True) as worker:
        assert await worker.ended(lab.tier.finish_s) == 0, str(worker)


@pytest.mark.parametrize("name", HERE)
async def test_the_process_dies_at_the_armed_failpoint_only(crashed: Crashed, lab: Lab, name: str) -> None:
    assert crashed.codes[name] == [-signal.SIGKILL] * lab.tier.crashes


@pytest.mark.parametrize("who", [*SINKS, PUBLISHER, DEAD_LETTERS])
async def test_a_crash_at_each_failpoint_loses_and_repeats_nothing(crashed: Crashed, lab: Lab, who: str) -> None:
    store = {PUBLISHER: "log", DEAD_LETTERS: "dead_letters"}.get(who, who)
    crashes = len(points_of(who)) * lab.tier.crashes
    await lab.check(ROW, "crash at each failpoint", crashed.stores, [store], faults=crashes)
