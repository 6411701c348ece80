"""Stores are emptied and filled again: spoilt, under a running sink and new events, killed on the way, from the lake.
`verify` says that each is exact afterwards.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from pymongo import MongoClient

from shoplake import aws, kafka, sinks
from shoplake.errors import Backpressure, Interrupted, StreamHalted, UsageError
from shoplake.publish.kafka import publish
from shoplake.publish.progress_records import read_progress
from shoplake.publish.run import Run, load_scenario
from shoplake.settings import Settings
from shoplake.sinks import SINKS
from shoplake.sinks.base import TopicPartition
from shoplake.sinks.rebuildable import Filling, RebuildableSink
from shoplake.streaming.rebuild import REBUILDABLE, Step, rebuild
from shoplake.streaming.supervisor import stream
from shoplake.verify import verify
from tests.faults.workers import running, start

from .conftest import EVENTS, SEED
from .row_damage import DAMAGE

pytestmark = pytest.mark.stack

MORE = 5_000
KILLS = 3
WAIT_S = 240
SMALL_BATCHES = [sys.executable, "-m", "tests.integration.shoplake_small_batches"]
both_sources = pytest.mark.parametrize("source", ["log", "lake"])
every_store = pytest.mark.parametrize("name", REBUILDABLE)


@pytest.fixture(scope="module")
async def shop(stores: Settings) -> Settings:
    """A shop in every store."""
    await publish_up_to(stores, EVENTS)
    await stream(SINKS, until_caught_up=True)
    return stores


async def publish_up_to(settings: Settings, events: int) -> None:
    await publish(settings.kafka, Run(load_scenario("demo"), SEED, events))


@dataclass(frozen=True)
class Seen:
    """How far a store and the log are."""

    filling: Filling
    reached: int
    end: int


async def look(settings: Settings, name: str) -> Seen:
    sink = sinks.make(name, settings)
    assert isinstance(sink, RebuildableSink)
    ends = {TopicPartition(*p): end for p, end in (await kafka.stable_end_offsets(settings.kafka, sink.topics)).items()}
    try:
        found = await sink.checkpoints(ends)
        reached = sum(checkpoint.next_offset for checkpoint in found.values())
        return Seen(await sink.filling(), reached, sum(ends.values()))
    finally:
        await sink.close()


async def filling_of(settings: Settings, name: str) -> Filling:
    return (await look(settings, name)).filling


async def until(settings: Settings, name: str, condition: Callable[[Seen], bool]) -> Seen:
    """The first look of which the condition holds."""
    async with asyncio.timeout(WAIT_S):
        while not condition(seen := await look(settings, name)):  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0.02)
    return seen


async def assert_exact(settings: Settings, *names: str) -> None:
    report = await verify(settings, names)
    assert report.ok, [str(finding) for store in report.stores for finding in store.findings[:5]]


@both_sources
@every_store
async def test_a_damaged_store_is_rebuilt_exactly(shop: Settings, name: str, source: Any) -> None:
    DAMAGE[name](shop)
    before = await filling_of(shop, name)
    steps: list[Step] = []
    done = await rebuild(shop, name, source=source, watch=steps.append)
    await assert_exact(shop, name)
    assert await filling_of(shop, name) == Filling(before.number + 1, "whole")
    assert (done.resumed, done.from_lake > 0) == (False, source == "lake")
    assert (steps[-1].doing, steps[-1].done) == ("from the log", steps[-1].total)
    assert ("from the lake" in {step.doing for step in steps}) == (source == "lake")


async def test_a_wiped_redis_is_rebuilt_with_equal_content(shop: Settings) -> None:
    with redis.Redis(**shop.redis.options()) as board:
        board.flushall()
    await rebuild(shop, "redis")
    await assert_exact(shop, "redis")


@pytest.mark.fault
@pytest.mark.parametrize(
    ("name", "source"), [("redis", "log"), ("postgres", "lake"), ("dynamodb", "lake"), ("mongo", "log")]
)
async def test_a_running_sink_resumes_after_a_rebuild_while_events_arrive(
    shop: Settings, name: str, source: Any, tmp_path: Path
) -> None:
    published = await events_of(shop)
    async with running(await start(name, {}, tmp_path)) as worker:
        await worker.caught_up()
        DAMAGE[name](shop)
        _, done = await asyncio.gather(publish_up_to(shop, published + MORE), rebuild(shop, name, source=source))
        assert not done.resumed
        await publish_up_to(shop, published + 2 * MORE)
        assert worker.running, worker
        await until(shop, name, lambda seen: seen.reached == seen.end)
        worker.send(signal.SIGTERM)
        assert await worker.ended() == 0, worker
    await assert_exact(shop, name)


async def events_of(settings: Settings) -> int:
    return (await read_progress(settings.kafka))[f"demo-{SEED}"].events


@pytest.mark.fault
@pytest.mark.parametrize(("name", "source"), [("redis", "log"), ("postgres", "lake"), ("dynamodb", "lake")])
async def test_a_killed_rebuild_resumes(shop: Settings, name: str, source: str) -> None:
    before = await filling_of(shop, name)
    chance = random.Random(0)
    moved = 0
    for _ in range(KILLS):
        command = start_rebuild(name, source)
        moved = (await until(shop, name, further_than(before.number, moved))).reached
        await asyncio.sleep(chance.uniform(0, 0.1))
        command.send_signal(signal.SIGKILL)
        assert command.wait() == -signal.SIGKILL, "it was done before it could be killed"
    command = start_rebuild(name, source)
    said, _ = await asyncio.to_thread(command.communicate, timeout=WAIT_S)
    assert json.loads(said)["resumed"]
    assert await filling_of(shop, name) == Filling(before.number + 1, "whole")
    await assert_exact(shop, name)


def further_than(number: int, reached: int) -> Callable[[Seen], bool]:
    return lambda seen: seen.filling.number > number and seen.reached > reached


def start_rebuild(name: str, source: str) -> subprocess.Popen[str]:
    command = [*SMALL_BATCHES, "rebuild", name, "--from", source, "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def test_ctrl_c_stops_a_rebuild_between_batches_and_it_resumes(shop: Settings) -> None:
    stopping = asyncio.Event()
    with pytest.raises(Interrupted, match="redis is partly filled"):
        await rebuild(shop, "redis", source="lake", stopping=stopping, watch=lambda _: stopping.set())
    assert (await filling_of(shop, "redis")).state == "held"
    with pytest.raises(Backpressure, match="is being rebuilt from the lake"):
        await sinks.make("redis", shop).open([])
    done = await rebuild(shop, "redis")
    assert done.resumed
    await assert_exact(shop, "redis")


async def test_a_restarted_rebuild_discards_the_work_of_an_interrupted_one(shop: Settings) -> None:
    stopping = asyncio.Event()
    with pytest.raises(Interrupted):
        await rebuild(shop, "postgres", source="lake", stopping=stopping, watch=lambda _: stopping.set())
    before = await filling_of(shop, "postgres")
    done = await rebuild(shop, "postgres", source="log", restart=True)
    assert not done.resumed
    assert (await filling_of(shop, "postgres")).number == before.number + 1
    await assert_exact(shop, "postgres")


@pytest.mark.parametrize("name", ["lake", "clicks"])
async def test_a_store_that_cannot_be_rebuilt_is_a_usage_error(shop: Settings, name: str) -> None:
    with pytest.raises(UsageError, match=f"'{name}' cannot be rebuilt"):
        await rebuild(shop, name)


@every_store
async def test_a_store_is_rebuilt_from_the_lake_when_the_log_is_incomplete(shop: Settings, name: str) -> None:
    """The last tests here: from now on `verify` has no log to fold, so the store is held against itself."""
    await stream(SINKS, until_caught_up=True)
    before = CONTENT[name](shop)
    await cut_log(shop, sinks.make(name, shop).topics)
    with pytest.raises(StreamHalted, match=r"begins at \d+, and .* needs it from 0 on"):
        await rebuild(shop, name, source="log")
    assert CONTENT[name](shop) == before
    done = await rebuild(shop, name)
    assert done.from_lake > 0
    assert CONTENT[name](shop) == before


async def test_a_store_is_not_emptied_if_neither_log_nor_lake_is_complete(shop: Settings) -> None:
    """The last of all: events are published that the lake never sees, and taken out of the log."""
    before = CONTENT["mongo"](shop)
    await publish_up_to(shop, await events_of(shop) + MORE)
    await cut_log(shop, sinks.make("mongo", shop).topics)
    with pytest.raises(StreamHalted, match=r"the lake holds events up to offset \d+, and the log begins at \d+"):
        await rebuild(shop, "mongo")
    assert CONTENT["mongo"](shop) == before
    assert (await filling_of(shop, "mongo")).state == "whole"


async def cut_log(settings: Settings, topics: frozenset[str]) -> None:
    """As when retention has removed all that there is."""
    ends = await kafka.stable_end_offsets(settings.kafka, topics)
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap_servers)
    await admin.start()
    try:
        await admin.delete_records({p: RecordsToDelete(before_offset=end) for p, end in ends.items()})
    finally:
        await admin.close()


def postgres_content(settings: Settings) -> Any:
    tables = ("customers", "products", "orders", "order_items", "payments", "shipments", "inventory", "reviews")
    with psycopg.connect(settings.postgres.conninfo()) as connection:
        return {t: sorted(map(str, connection.execute(f"SELECT * FROM shop.{t}").fetchall())) for t in tables}


def dynamodb_content(settings: Settings) -> Any:
    client = aws.client("dynamodb")
    tables = (settings.dynamodb.sessions_table, settings.dynamodb.orders_table)
    pages = [p for t in tables for p in client.get_paginator("scan").paginate(TableName=t, ConsistentRead=True)]
    return sorted(_without_bookkeeping(item) for page in pages for item in page["Items"])


def mongo_content(settings: Settings) -> Any:
    with MongoClient[dict[str, Any]](**settings.mongo.options()) as client:
        database = client[settings.mongo.database]
        return sorted(
            _without_bookkeeping(item) for name in ("customers", "products") for item in database[name].find()
        )


def _without_bookkeeping(item: dict[str, Any]) -> str:
    return repr(sorted((k, v) for k, v in item.items() if k not in ("folded", "rev", "generation")))


def redis_content(settings: Settings) -> Any:
    content: dict[str, Any] = {}
    with redis.Redis(**settings.redis.options(), decode_responses=True) as board:
        for key in board.scan_iter(match="shoplake:*"):
            if board.type(key) == "hash" and key not in ("shoplake:epoch", "shoplake:rebuild", "shoplake:checkpoint"):
                content |= {f"{key}/{field}": value for field, value in board.hgetall(key).items() if value != "0"}
        content |= dict(board.zrange("shoplake:top_products", 0, -1, withscores=True))
    return content


CONTENT: dict[str, Callable[[Settings], Any]] = {
    "postgres": postgres_content,
    "dynamodb": dynamodb_content,
    "mongo": mongo_content,
    "redis": redis_content,
}
