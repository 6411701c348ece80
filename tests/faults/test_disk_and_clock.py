"""Row 21: the disk is full, the clock is a day off, events are a year off."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from shoplake.sinks import SINKS
from shoplake.streaming.worker import DEAD_LETTERS

from . import worker_wrong_clock
from .fault_stack import Lab
from .nemesis import Nemesis
from .stores import Stores
from .workers import WAIT_S, Worker

pytestmark = [pytest.mark.stack, pytest.mark.fault, pytest.mark.row(21)]

ROW = 21
WRONG_CLOCK = str(Path(worker_wrong_clock.__file__))
DAY_S = 24 * 3600
EVENTS = 2_000
BATCH = 200


@pytest.mark.parametrize("off_s", [-DAY_S, DAY_S], ids=["a day slow", "a day fast"])
async def test_a_wrong_clock_changes_nothing(lab: Lab, off_s: int) -> None:
    clock = {worker_wrong_clock.CLOCK_S: str(off_s)}
    async with lab.publisher(await lab.published() + EVENTS, clock, program=(WRONG_CLOCK,)) as publisher:
        assert await asyncio.wait_for(publisher.wait(), WAIT_S) == 0
    async with lab.stores(*SINKS) as stores:
        await asyncio.gather(*(run(lab, name, stores, clock) for name in (*SINKS, DEAD_LETTERS)))
        names = ["log", *SINKS, "dead_letters"]
        await lab.check(ROW, "clock a day off", stores, names, faults=1, note=f"{off_s // DAY_S:+d} day")


async def run(lab: Lab, name: str, stores: Stores, clock: dict[str, str]) -> None:
    async with lab.worker(name, stores, clock, until_caught_up=True, wrapper=(WRONG_CLOCK,)) as worker:
        assert await worker.ended(lab.tier.finish_s) == 0, str(worker)


async def test_events_a_year_off_are_stored_in_the_right_partitions(lab: Lab) -> None:
    """A shop of a year ago and one of the next year, beside the one of today."""
    for year in (-1, 1):
        scenario = moved(lab, year)
        async with lab.publisher(EVENTS, scenario=scenario) as publisher:
            assert await asyncio.wait_for(publisher.wait(), WAIT_S) == 0
    async with lab.stores(*SINKS) as stores:
        await asyncio.gather(*(lab.finish(name, stores) for name in (*SINKS, DEAD_LETTERS)))
        await lab.check(ROW, "events a year off", stores, ["log", *SINKS, "dead_letters"], faults=2)


def moved(lab: Lab, years: int) -> Path:
    """The scenario of the lab with all its dates, so many years later."""
    scenario = later(yaml.safe_load(lab.scenario.read_text()), datetime.timedelta(days=364 * years))
    scenario["name"] = f"faults-{scenario['start'].year}"
    path = lab.folder / f"{scenario['name']}.yaml"
    path.write_text(yaml.safe_dump(scenario))
    return path


def later(part: Any, span: datetime.timedelta) -> Any:
    """A part of a scenario, its dates and times moved."""
    if isinstance(part, dict):
        return {name: later(value, span) for name, value in part.items()}
    if isinstance(part, list):
        return [later(value, span) for value in part]
    return part + span if isinstance(part, datetime.date) else part


async def test_a_full_disk_is_a_clear_error_and_nothing_is_lost(lab: Lab, nemesis: Nemesis) -> None:
    """All servers of the stack are on one disk, which fills up while everybody writes."""
    disk = lab.disk
    if disk is None:
        pytest.skip("a small disk needs the right to mount one")
    more = await lab.log_of(lab.tier.small_log) + 4 * EVENTS
    async with lab.stores(*SINKS) as stores:
        async with contextlib.AsyncExitStack() as stack:
            workers = [await stack.enter_async_context(lab.worker(sink, stores, batch=BATCH)) for sink in SINKS]
            await asyncio.gather(*(worker.applied_at_least(1) for worker in workers))
            publisher = await stack.enter_async_context(lab.publisher(more))
            said_before = lab.commands_log.stat().st_size
            disk.fill()
            stack.callback(disk.free)
            nemesis.note(f"the disk is full at {', '.join(map(str, workers))}")
            await asyncio.gather(*(in_trouble(worker) for worker in workers))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(publisher.wait(), 20)
            clear(lab.commands_log, said_before)
        await lab.up()
        await lab.log_of(more)
        await asyncio.gather(*(lab.finish(name, stores) for name in (*SINKS, DEAD_LETTERS)))
        await lab.check(ROW, "disk full", stores, ["log", *SINKS, "dead_letters"], faults=1)


async def in_trouble(worker: Worker) -> None:
    """Wait a while for it to end; if it does, it says why."""
    with contextlib.suppress(AssertionError):
        await worker.ended(30)
    assert worker.running or worker.failure, f"{worker} ended without a word"
    clear(worker.errors)


def clear(output: Path, from_byte: int = 0) -> None:
    said = output.read_bytes()[from_byte:].decode(errors="replace")
    assert "Traceback" not in said, said[-3000:]
