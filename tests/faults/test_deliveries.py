"""Rows 13, 14 and 15: several writers at once, a store that takes a part, a log that delivers again and again."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from shoplake import aws
from shoplake.sinks import SINKS

from . import worker_redelivered
from .aws_proxy import (
    AwsProxy,
    aws_proxy,
    conflicted,
    failed_after_the_work,
    partly,
    throttled,
    unanswered,
    unavailable,
)
from .fault_stack import Lab
from .nemesis import Nemesis
from .stores import Stores

pytestmark = [pytest.mark.stack, pytest.mark.fault]

REDELIVERING = (str(Path(worker_redelivered.__file__)),)
UNPROCESSED = 0.3
THROTTLED = 0.3


@pytest.mark.row(13)
async def test_concurrent_writers_of_the_lake_commit_everything_once(lab: Lab, nemesis: Nemesis) -> None:
    """Each owns some partitions of every table, and the catalogue refuses, fails and loses commits of all."""
    await lab.log_of(lab.tier.small_log)
    tier = lab.tier
    batch = max(100, await lab.records("lake") // (tier.writers * tier.commits))
    async with lab.stores("lake") as stores, contextlib.AsyncExitStack() as stack:
        between: AwsProxy = stack.enter_context(aws_proxy(aws.endpoint_url() or "", nemesis.number(0, 2**32)))
        rules = [
            between.add(trick, "UpdateTable", share=0.1, most=-(-tier.failed_commits // 3))
            for trick in (unavailable, failed_after_the_work, unanswered)
        ]
        through = {"AWS_ENDPOINT_URL": between.url}
        async with asyncio.TaskGroup() as writers:
            for _ in range(tier.writers):
                worker = await stack.enter_async_context(lab.worker("lake", stores, through, batch=batch))
                writers.create_task(worker.caught_up(tier.finish_s))
        failed = sum(rule.done for rule in rules)
        assert failed >= tier.failed_commits, f"only {failed} commits were made to fail"
        await stack.aclose()
        await lab.finish("lake", stores)
        note = f"{tier.writers} writers, {failed} commits answered by 5xx or not at all"
        await lab.check(13, "concurrent writers", stores, ["lake"], faults=failed, note=note)


@pytest.mark.row(14)
async def test_a_throttling_dynamodb_with_partial_batches_gets_everything_once(lab: Lab, nemesis: Nemesis) -> None:
    await lab.log_of(lab.tier.small_log)
    batch = max(10, await lab.records("dynamodb") // lab.tier.throttled_batches)
    async with lab.stores("dynamodb") as stores:
        with aws_proxy(aws.endpoint_url() or "", nemesis.number(0, 2**32)) as between:
            rules = [
                between.add(partly(UNPROCESSED, between.chance), "BatchGetItem", share=1 - THROTTLED),
                between.add(throttled, "BatchGetItem", "TransactWriteItems", share=THROTTLED),
                between.add(conflicted, "TransactWriteItems", share=THROTTLED / 3),
            ]
            through = {"AWS_ENDPOINT_URL": between.url}
            async with asyncio.TaskGroup() as workers:
                for _ in range(lab.tier.throttled_workers):
                    workers.create_task(to_the_end(lab, stores, through, batch))
            done = sum(rule.done for rule in rules)
        nemesis.note(f"{done} answers were bad")
        note = f"30% of keys unprocessed, 30% of calls throttled, batches of {batch}"
        await lab.check(14, "UnprocessedKeys, throttling, conflicts", stores, ["dynamodb"], faults=done, note=note)


async def to_the_end(lab: Lab, stores: Stores, through: dict[str, str], batch: int) -> None:
    async with lab.worker("dynamodb", stores, through, batch=batch, until_caught_up=True) as worker:
        assert await worker.ended(lab.tier.finish_s) == 0, str(worker)


@pytest.mark.row(15)
async def test_duplicated_and_shuffled_events_count_once(lab: Lab, nemesis: Nemesis) -> None:
    await lab.log_of(max(lab.tier.small_log, lab.tier.redelivered))
    async with lab.stores(*SINKS) as stores:
        extra = await asyncio.gather(*(redelivered(lab, nemesis.of(sink), sink, stores) for sink in SINKS))
        await lab.check(15, "delivered up to 5 times", stores, SINKS, faults=dict(zip(SINKS, extra, strict=True)))


async def redelivered(lab: Lab, nemesis: Nemesis, sink: str, stores: Stores) -> int:
    """How many events came to the sink that it had already."""
    seeded = {worker_redelivered.SEED: str(nemesis.number(0, 2**32))}
    batch = max(10, await lab.records(sink) // 60)
    async with lab.worker(sink, stores, seeded, batch=batch, until_caught_up=True, wrapper=REDELIVERING) as worker:
        assert await worker.ended(lab.tier.finish_s) == 0, str(worker)
        events, delivered = worker_redelivered.deliveries(worker.errors)
    nemesis.note(f"{delivered} deliveries of {events} events")
    assert delivered > 1.5 * events, "too few came again to show anything"
    return delivered - events
