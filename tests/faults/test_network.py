"""Rows 11 and 12: what lies between a sink and its store is cut, slow, silent, or loses the answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from shoplake import aws
from shoplake.settings import Settings
from shoplake.sinks import SINKS

from .aws_proxy import aws_proxy, failed_after_the_work, unanswered
from .fault_stack import Lab
from .nemesis import Nemesis
from .proxy import Proxy, proxy
from .stores import Stores
from .workers import Worker

pytestmark = [pytest.mark.stack, pytest.mark.fault]

BATCH = {"lake": 1_000, "postgres": 100, "dynamodb": 250, "mongo": 100, "redis": 50}
LASTS_S = 3.0
LATENCY_S = 2.0
SLOW_BYTES_PER_S = 1024
# A commit of Postgres; the script of Redis; bulk writes and checkpoints of MongoDB, as BSON's first field.
WRITES = {
    "postgres": (b"COMMIT",),
    "redis": (b"EVALSHA",),
    "mongo": (b"\x02update\x00", b"\x02insert\x00"),
}
AWS_WRITES = {"lake": ("UpdateTable",), "dynamodb": ("TransactWriteItems",)}


def port_of(settings: Settings, sink: str) -> int:
    """Where a store listens."""
    match sink:
        case "postgres":
            return settings.postgres.port
        case "redis":
            return settings.redis.port
        case "mongo":
            return urlsplit(settings.mongo.uri).port or 27017
    return urlsplit(aws.endpoint_url() or "").port or 80


def through(sink: str, port: int) -> dict[str, str]:
    """What makes a sink go through a port of ours."""
    match sink:
        case "postgres" | "redis":
            return {f"SHOPLAKE_{sink.upper()}__PORT": str(port)}
        case "mongo":
            return {"SHOPLAKE_MONGO__URI": f"mongodb://127.0.0.1:{port}"}
    return {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}


@contextlib.contextmanager
def proxied(lab: Lab, sink: str) -> Iterator[tuple[Proxy, dict[str, str]]]:
    with proxy(port_of(lab.settings, sink)) as between:
        yield between, through(sink, between.port)


TROUBLES: dict[str, Callable[[Proxy], None]] = {
    "cut": Proxy.cut,
    "2 s latency": lambda between: between.slow(latency_s=LATENCY_S),
    "1 KB/s": lambda between: between.slow(bytes_per_s=SLOW_BYTES_PER_S),
    "reset": Proxy.reset,
    "half open": Proxy.go_silent,
}


@pytest.mark.row(11)
async def test_a_store_behind_a_bad_network_gets_everything_once(lab: Lab, nemesis: Nemesis) -> None:
    await lab.log_of(lab.tier.small_log)
    async with lab.stores(*SINKS) as stores:
        async with lab.feeding():
            await asyncio.gather(*(endure(lab, nemesis.of(sink), sink, stores) for sink in SINKS))
        await asyncio.gather(*(lab.finish(sink, stores) for sink in SINKS))
        faults = len(TROUBLES) * lab.tier.network_faults
        await lab.check(11, ", ".join(TROUBLES), stores, SINKS, faults=faults)


async def endure(lab: Lab, nemesis: Nemesis, sink: str, stores: Stores) -> None:
    """One trouble after the other before the store of one worker, which goes on by itself after each."""
    with proxied(lab, sink) as (between, environment):
        async with lab.worker(sink, stores, environment, batch=BATCH[sink]) as worker:
            for _ in range(lab.tier.network_faults):
                for trouble in nemesis.shuffled(list(TROUBLES)):
                    await worker.applied_at_least(worker.applied + 1)
                    nemesis.note(f"{trouble} at {worker.applied} events")
                    TROUBLES[trouble](between)
                    await asyncio.sleep(nemesis.seconds(0.5, LASTS_S))
                    between.heal()
            await worker.applied_at_least(worker.applied + 1)


@pytest.mark.row(12)
async def test_a_write_with_a_lost_answer_is_applied_exactly_once(lab: Lab, nemesis: Nemesis) -> None:
    await lab.log_of(lab.tier.small_log)
    async with lab.stores(*SINKS) as stores:
        async with lab.feeding():
            await asyncio.gather(*(lose_answers(lab, nemesis.of(sink), sink, stores) for sink in SINKS))
        await asyncio.gather(*(lab.finish(sink, stores) for sink in SINKS))
        await lab.check(12, "answer lost after the write", stores, SINKS, faults=lab.tier.lost_answers)


async def lose_answers(lab: Lab, nemesis: Nemesis, sink: str, stores: Stores) -> None:
    """A worker some of whose writes are done without its hearing of it."""
    if sink in AWS_WRITES:
        url = aws.endpoint_url() or ""
        with aws_proxy(url, nemesis.number(0, 2**32)) as between:
            async with lab.worker(sink, stores, {"AWS_ENDPOINT_URL": between.url}, batch=BATCH[sink]) as worker:
                await worker.applied_at_least(1)
                for _ in range(lab.tier.lost_answers):
                    trick = nemesis.pick((unanswered, failed_after_the_work))
                    rule = between.add(trick, *AWS_WRITES[sink], most=1)
                    await lost(worker, lambda rule=rule: rule.done == 1, nemesis)
        return
    with proxied(lab, sink) as (between, environment):
        async with lab.worker(sink, stores, environment, batch=BATCH[sink]) as worker:
            await worker.applied_at_least(1)
            for number in range(1, lab.tier.lost_answers + 1):
                between.lose_answers(*WRITES[sink], count=1)
                await lost(worker, lambda number=number: between.lost_answers == number, nemesis)


async def lost(worker: Worker, happened: Callable[[], bool], nemesis: Nemesis) -> None:
    """Wait until an answer was lost, and until the worker has gone on after it."""
    async with asyncio.timeout(60):
        while not happened():
            assert not worker.idle, f"{worker} had nothing left to write"
            await asyncio.sleep(0.02)
    nemesis.note(f"an answer was lost at {worker.applied} events")
    await worker.applied_at_least(worker.applied + 1)
