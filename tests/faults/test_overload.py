"""Row 19: three times as many events as the stores can take, and memory that does not grow."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

import pytest

from shoplake.sinks import SINKS

from . import slowed
from .lab import Lab
from .nemesis import Nemesis
from .workers import Worker

pytestmark = [pytest.mark.stack, pytest.mark.fault]

SLOWED = (str(Path(slowed.__file__)),)
TAKES_PER_S = 1_000
INPUT_PER_S = 3 * TAKES_PER_S
STEPS = 4
LARGEST_BYTES = 512 * 1024 * 1024
# Allocators keep what they once had; what piles up with the input would triple.
FLAT = 1.2


@pytest.mark.row(19)
async def test_memory_stays_flat_when_three_times_too_much_comes_in(lab: Lab, nemesis: Nemesis) -> None:
    start = await lab.log_of(lab.tier.small_log)
    seconds, rss = lab.tier.overload_s, {sink: [] for sink in SINKS}
    environment = {slowed.EVENTS_PER_S: str(TAKES_PER_S)}
    async with lab.stores(*SINKS) as stores, contextlib.AsyncExitStack() as stack:
        workers = [
            await stack.enter_async_context(lab.worker(sink, stores, environment, wrapper=SLOWED)) for sink in SINKS
        ]
        begun = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_publishing(lab, start, seconds))
            for worker in workers:
                tasks.create_task(weigh(worker, rss[worker.name], begun + seconds))
        lags = {worker.name: worker.applied for worker in workers}
        nemesis.note(f"applied {lags} of {await lab.published()}")
    for sink, seen in rss.items():
        middle, last = max(seen[len(seen) // 3 : 2 * len(seen) // 3]), max(seen[2 * len(seen) // 3 :])
        note = f"largest RSS {max(seen) >> 20} MB, {INPUT_PER_S} events/s for {seconds} s into {TAKES_PER_S}/s"
        await lab.note(19, "input at 3x", [sink], 1, note)
        assert max(seen) < LARGEST_BYTES, f"{sink}: {note}"
        assert last < FLAT * middle, f"{sink} grew from {middle >> 20} to {last >> 20} MB; {note}"


async def keep_publishing(lab: Lab, start: int, seconds: int) -> None:
    """Three times what a store takes, in a few steps: each is a publisher that goes on where the last one ended."""
    begun = time.monotonic()
    for step in range(1, STEPS + 1):
        await lab.log_of(start + INPUT_PER_S * seconds * step // STEPS)
        await asyncio.sleep(max(0.0, begun + seconds * step / STEPS - time.monotonic()))


async def weigh(worker: Worker, seen: list[int], until: float) -> None:
    """Resident bytes, twice a second."""
    while time.monotonic() < until:
        assert worker.running, str(worker)
        status = Path(f"/proc/{worker.process.pid}/status").read_text()  # noqa: ASYNC240 - no disk is behind it
        seen += [int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:")]
        await asyncio.sleep(0.5)
