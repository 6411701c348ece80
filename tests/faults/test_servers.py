"""Rows 8, 9, 10 and 20: a server is killed and comes back, or comes back empty, under running sinks."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import time
from collections.abc import Sequence

import pytest
import redis

from shoplake import paths
from shoplake.sinks import SINKS

from .fault_stack import PORTION, Lab, apply
from .nemesis import Nemesis
from .stores import Stores
from .workers import Worker

pytestmark = [pytest.mark.stack, pytest.mark.fault]

BATCH = {"lake": 500, "postgres": 50, "dynamodb": 200, "mongo": 50, "redis": 20}
GOES_ON_WITHIN_S = 150.0
MORE_EVENTS = 5_000


@pytest.mark.row(8)
async def test_running_sinks_recover_after_kafka_is_killed(lab: Lab, nemesis: Nemesis) -> None:
    await lab.log_of(lab.tier.small_log)
    async with lab.stores(*SINKS) as stores:
        await killed_under(lab, nemesis, "kafka", lab.tier.kafka_kills, stores, SINKS, row=8)


@pytest.mark.row(9)
async def test_a_running_sink_recovers_after_postgres_is_killed(lab: Lab, nemesis: Nemesis) -> None:
    await lab.log_of(lab.tier.small_log)
    async with lab.stores("postgres") as stores:
        await killed_under(lab, nemesis, "postgres", lab.tier.postgres_kills, stores, ("postgres",), row=9)


async def killed_under(
    lab: Lab, nemesis: Nemesis, server: str, kills: int, stores: Stores, names: tuple[str, ...], *, row: int
) -> None:
    """Kill a server while these sinks write; they are not started again."""
    recover_s: dict[str, float] = {}
    async with contextlib.AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(lab.worker(name, stores, batch=BATCH[name])) for name in names]
        for _ in range(kills):
            await each_goes_on(lab, workers)
            await asyncio.sleep(nemesis.seconds(0, 0.5))
            nemesis.note(f"kill {server} at {', '.join(map(str, workers))}")
            await lab.kill_server(server)
            await asyncio.sleep(nemesis.seconds(0, 3))
            back_at = time.monotonic()
            await lab.up()
            for name, took_s in zip(names, await each_goes_on(lab, workers), strict=True):
                recover_s[name] = max(recover_s.get(name, 0.0), took_s - back_at)
    await asyncio.gather(*(lab.finish(name, stores) for name in names))
    await lab.check(row, f"{server} kill -9 and restart", stores, names, faults=kills, recover_s=recover_s)


async def each_goes_on(lab: Lab, workers: Sequence[Worker]) -> list[float]:
    """When each had its next batch in its store."""
    going_on = asyncio.gather(*map(goes_on, workers))
    while not going_on.done():
        if any(worker.state == "caught up" for worker in workers):  # it would wait for ever: some sinks read little
            await lab.log_of(await lab.published() + MORE_EVENTS)
        await asyncio.wait({going_on}, timeout=1)
    return await going_on


async def goes_on(worker: Worker) -> float:
    applied = worker.applied
    await worker.until(lambda worker: worker.applied > applied, "it went on", GOES_ON_WITHIN_S)
    return time.monotonic()


@pytest.mark.row(10)
async def test_a_running_sink_refills_a_wiped_redis_from_the_log(lab: Lab, nemesis: Nemesis) -> None:
    await lab.log_of(lab.tier.small_log)
    async with lab.stores("redis") as stores:
        recover_s = 0.0
        async with lab.worker("redis", stores, batch=BATCH["redis"]) as worker:
            for _ in range(lab.tier.redis_wipes):
                await worker.applied_at_least(worker.applied + nemesis.number(1, 2_000))
                nemesis.note(f"wiped at {worker}")
                # It finds that its epoch is gone; the group still knows it, so it takes its place again, at the start.
                recover_s = max(recover_s, await wiped(lab, worker))
        begun = time.monotonic()
        filled = await lab.finish("redis", stores)
        note = f"{filled.applied} records written in {time.monotonic() - begun:.1f} s, with the start of the worker"
        wipes = lab.tier.redis_wipes
        await lab.check(10, "Redis wiped", stores, ["redis"], faults=wipes, recover_s={"redis": recover_s}, note=note)


async def wiped(lab: Lab, worker: Worker) -> float:
    """Empty the board; returns the seconds until something is on it again."""
    with redis.Redis(**lab.settings.redis.options()) as board:
        board.flushall()
        begun = time.monotonic()
        while not board.dbsize():
            assert worker.running, str(worker)
            assert time.monotonic() - begun < GOES_ON_WITHIN_S, f"{worker}: the board stayed empty"
            await asyncio.sleep(0.01)
        return time.monotonic() - begun


@pytest.mark.row(20)
async def test_up_and_apply_restore_an_emulator_that_lost_its_data(lab: Lab, nemesis: Nemesis) -> None:
    """The stores are Terraform's own here: what has to come back is what `apply` makes."""
    await lab.log_of(lab.tier.small_log)
    names = ("lake", "dynamodb")
    stores = Stores("own", {}, lab.settings)
    for _ in range(lab.tier.emulator_wipes):
        await lab.log_of(await lab.published() + PORTION)  # what workers find to do once the stores are full again
        async with contextlib.AsyncExitStack() as stack:
            workers = [await stack.enter_async_context(lab.worker(name, stores, batch=BATCH[name])) for name in names]
            await asyncio.gather(*(worker.applied_at_least(1) for worker in workers))
            nemesis.note("the emulator is killed, and its disk lost")
            await lab.kill_server("ministack")
            shutil.rmtree(paths.home() / "data" / "ministack")
            await lab.up()
            await asyncio.to_thread(apply)
            for worker in workers:
                worker.send(signal.SIGTERM)
                await worker.ended()
        await asyncio.gather(*(lab.finish(name, stores) for name in names))
        await lab.check(20, "emulator restarted empty", stores, names, faults=1)
