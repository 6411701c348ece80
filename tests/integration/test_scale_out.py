"""Several workers share a sink's partitions; the lag that the stores themselves tell."""

from __future__ import annotations

import asyncio
import signal
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from shoplake.contract import TOPICS
from shoplake.kafka import PARTITIONS, client_options
from shoplake.publish.kafka import publish
from shoplake.publish.progress_records import read_progress
from shoplake.publish.run import Run, load_scenario
from shoplake.settings import KafkaSettings, Settings
from shoplake.sinks import SINKS, make
from shoplake.sinks.lake.tables import open_catalog
from shoplake.streaming import group_membership
from shoplake.streaming.lag import lags
from shoplake.streaming.metrics import serving
from shoplake.streaming.reader import Limits, LogReader
from shoplake.streaming.supervisor import stream
from shoplake.streaming.worker import DEAD_LETTERS
from shoplake.verify import verify
from tests.faults.workers import running, start

pytestmark = pytest.mark.stack

SEED = 41
EVENTS = 8_000
WORKERS = 3


async def test_several_workers_share_the_partitions_and_each_store_is_exact(platform: Settings) -> None:
    await publish(platform.kafka, Run(load_scenario("demo"), SEED, EVENTS))
    views = await stream(["postgres", "lake"], workers=WORKERS, until_caught_up=True)
    assert Counter(view.name for view in views) == {"postgres": WORKERS, "lake": WORKERS, DEAD_LETTERS: 1}
    assert {view.progress.state for view in views} == {"caught up"}
    report = await verify(platform, ["postgres", "lake"])
    assert report.ok, [str(finding) for store in report.stores for finding in store.findings[:5]]


async def test_lag_counts_the_records_missing_from_a_store(loaded_stack: Settings) -> None:
    names = [*SINKS, DEAD_LETTERS]
    await publish(loaded_stack.kafka, Run(load_scenario("demo"), SEED, EVENTS))
    await stream(SINKS, until_caught_up=True)
    assert {sink.name: sink.lag for sink in await lags(loaded_stack, names)} == dict.fromkeys(names, 0)
    await publish(loaded_stack.kafka, Run(load_scenario("demo"), SEED, EVENTS + 1_000))
    behind = {sink.name: sink for sink in await lags(loaded_stack, names)}
    assert all(sink.lag > 0 for sink in behind.values())
    # Of each thousand, one marker per partition that a transaction touched.
    assert 1_000 <= behind["lake"].lag <= 1_000 + len(behind["lake"].partitions)
    report = await verify(loaded_stack, ["lake"])
    lost = sum(store.lost for store in report.stores)
    assert 0 < lost <= 1_000  # what is no event is lost by nobody
    assert lost == await new_in_lake(loaded_stack)
    assert {one.partition.topic for one in behind["lake"].partitions} == set(TOPICS)
    assert {one.partition.topic for one in behind["redis"].partitions} == {"orders", "clicks", "inventory"}


async def new_in_lake(settings: Settings) -> int:
    """How many rows the lake gains until its lag is gone."""
    before = rows_in_lake(settings)
    await stream(["lake"], beside=[], until_caught_up=True)
    (behind,) = await lags(settings, ["lake"])
    assert behind.lag == 0
    return rows_in_lake(settings) - before


def rows_in_lake(settings: Settings) -> int:
    catalog = open_catalog(settings)
    return sum(catalog.load_table((settings.lake.database, topic)).scan().count() for topic in TOPICS)


async def test_metrics_count_the_records_in_the_stores(loaded_stack: Settings, unused_tcp_port: int) -> None:
    """Of real workers, as Prometheus reads them."""
    end = max(EVENTS, await events_of(loaded_stack)) + 1_000
    await publish(loaded_stack.kafka, Run(load_scenario("demo"), SEED, end))
    (behind,) = await lags(loaded_stack, ["redis"])
    with serving(unused_tcp_port, lambda _: None) as watch:
        views = await stream(["redis"], workers=2, beside=[], until_caught_up=True, watch=watch)
        text = await asyncio.to_thread(page, f"http://127.0.0.1:{unused_tcp_port}/metrics")
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    records = sum(s.value for s in samples if s.name == "shoplake_stream_records_total")
    assert records == sum(view.progress.applied for view in views)
    assert 0 < records < behind.lag  # markers of transactions are no records
    assert [s.value for s in samples if s.name == "shoplake_stream_lag_offsets"] == [0, 0]
    closed = [s.value for s in samples if s.name == "shoplake_stream_breaker" and s.labels["breaker"] == "closed"]
    assert closed == [1, 1]


def page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


async def events_of(settings: Settings) -> int:
    return (await read_progress(settings.kafka))[f"demo-{SEED}"].events


async def test_a_store_stays_exact_when_workers_join_and_leave(loaded_stack: Settings, tmp_path: Path) -> None:
    await publish(loaded_stack.kafka, Run(load_scenario("demo"), SEED, await events_of(loaded_stack) + EVENTS))
    async with running(await start("postgres", {}, tmp_path)) as first:
        await first.applied_at_least(1)
        async with running(await start("postgres", {}, tmp_path)) as second:
            await second.until(lambda worker: worker.state in ("streaming", "caught up"), "it has its share")
            first.send(signal.SIGTERM)
            assert await first.ended() == 0, first
            await second.caught_up()
            second.send(signal.SIGTERM)
            assert await second.ended() == 0, second
    assert [sink.lag for sink in await lags(loaded_stack, ["postgres"])] == [0]
    report = await verify(loaded_stack, ["postgres"])
    assert report.ok, [str(finding) for store in report.stores for finding in store.findings[:5]]


async def test_a_deferred_batch_commits_no_offset(loaded_stack: Settings) -> None:
    reader = LogReader(loaded_stack.kafka, "nothing-to-tell", tuple(TOPICS), Limits())
    await reader.start()
    try:
        assert await reader.commit_offsets({})
    finally:
        await reader.stop()


async def test_an_unavailable_store_is_named_and_the_others_are_reported(platform: Settings) -> None:
    wrong = platform.redis.model_copy(update={"password": SecretStr("wrong"), "port": 1})
    redis, postgres = await lags(platform.model_copy(update={"redis": wrong}), ["redis", "postgres"])
    assert redis.problem.startswith("redis did not answer")
    assert (postgres.problem, len(postgres.partitions)) == ("", 30)


async def test_a_killed_workers_partitions_go_to_the_next_member_with_its_name(
    loaded_stack: Settings, tmp_path: Path
) -> None:
    log, topics = loaded_stack.kafka, make("postgres", loaded_stack).topics
    group, every = f"{log.group_prefix}-postgres", len(topics) * PARTITIONS
    other = LogReader(log, group, topics, Limits())
    await other.start()
    try:
        await until(lambda: len(other.assignment()) == every)
        async with running(await start("postgres", {}, tmp_path)) as worker:
            await worker.caught_up()
            shared_out, others = other.generation, other.assignment()
            await worker.kill()
            with group_membership.held(group) as name:
                heir = LogReader(log, group, topics, Limits(), member=name)
                await heir.start()
                await until(lambda: bool(heir.assignment()))
                assert (other.generation, other.assignment()) == (shared_out, others)
                assert len(heir.assignment() | others) == every
                assert heir.assignment().isdisjoint(others)
                await heir.stop()
            assert await members(log, group) == 1  # who goes says so, under a name as well
        await until(lambda: len(other.assignment()) == every)
    finally:
        await other.stop()


async def members(log: KafkaSettings, group: str) -> int:
    """How many a group has, as Kafka says."""
    admin = AIOKafkaAdminClient(**client_options(log))
    await admin.start()
    try:
        ((described,),) = [answer.groups for answer in await admin.describe_consumer_groups([group])]
        return len(described[5])
    finally:
        await admin.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - aiokafka calls nobody back
            await asyncio.sleep(0.05)
