"""Row 19: three times as many events as the stores can take, and memory that does not grow."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

import pytest

from shoplake.sinks import SINKS
from shoplake.streaming.reader import Limits
from shoplake.streaming.worker import LIMITS

from . import worker_slow_store
from .fault_stack import Lab
from .nemesis import Nemesis
from .workers import Worker

pytestmark = [pytest.mark.stack, pytest.mark.fault]

SLOWED = (str(Path(worker_slow_store.__file__)),)
INPUT_PER_S = 3_000
TIMES_TOO_MUCH = 3
BATCHES = 6
# A process grows while it imports, connects and fills its first batches: that is not weighed, since how long it takes
# depends on the machine.
WARM_BATCHES = 2
STEPS = 4
LARGEST_BYTES = 512 * 1024 * 1024
# Allocators keep what they once had; what piles up with the input would triple.
FLAT = 1.2


@pytest.mark.row(19)
async def test_memory_stays_flat_at_three_times_the_load_that_a_sink_can_process(lab: Lab, nemesis: Nemesis) -> None:
    await lab.log_of(lab.tier.small_log)
    seconds = lab.tier.overload_s
    takes_per_s = {sink: await a_third_of_what_comes(lab, sink) for sink in SINKS}
    batches = {sink: batch_of(sink, takes_per_s[sink], seconds) for sink in SINKS}
    rss: dict[str, list[int]] = {sink: [] for sink in SINKS}
    async with lab.stores(*SINKS) as stores, contextlib.AsyncExitStack() as stack:
        workers = []
        for sink in SINKS:
            slow = {worker_slow_store.EVENTS_PER_S: str(takes_per_s[sink])}
            started = lab.worker(sink, stores, slow, batch=batches[sink], wrapper=SLOWED)
            workers.append(await stack.enter_async_context(started))
        async with lab.feeding():
            for worker in workers:
                await worker.applied_at_least(WARM_BATCHES * batches[worker.name])
        start, begun = await lab.published(), time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_publishing(lab, start, seconds))
            for worker in workers:
                tasks.create_task(weigh(worker, rss[worker.name], begun + seconds))
        nemesis.note(f"{', '.join(map(str, workers))} of {await lab.published()}")
        assert not [str(worker) for worker in workers if worker.state == "caught up"], "that was not too much"
    for sink, seen in rss.items():
        first, middle, last = (weight >> 20 for weight in largest_of_thirds(seen))
        at_most = f"RSS at most {first}, {middle}, {last} MB in the first, second and last third of {seconds} s"
        what = f"{INPUT_PER_S} events/s, of which it takes {takes_per_s[sink]:.0f}/s in batches of {batches[sink]}"
        await lab.note(19, "input at 3x", [sink], 1, f"{at_most}; {what}")
    for sink, seen in rss.items():
        first, middle, last = largest_of_thirds(seen)
        before = max(first, middle)
        assert max(seen) < LARGEST_BYTES, f"{sink}: {max(seen) >> 20} MB"
        assert last < FLAT * before, f"{sink} grew from {before >> 20} to {last >> 20} MB"


async def a_third_of_what_comes(lab: Lab, sink: str) -> float:
    """Events per second; some sinks read little of the log."""
    return INPUT_PER_S * await lab.records(sink) / await lab.published() / TIMES_TOO_MUCH


def batch_of(sink: str, takes_per_s: float, seconds: int) -> int:
    """The default, or so few events that it takes several batches in the time: full ones are to be weighed."""
    return min(LIMITS.get(sink, Limits()).max_records, round(takes_per_s * seconds / BATCHES))


def largest_of_thirds(seen: list[int]) -> tuple[int, int, int]:
    a_third = len(seen) // 3
    return max(seen[:a_third]), max(seen[a_third : 2 * a_third]), max(seen[2 * a_third :])


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
