"""Publishing goes on exactly where it stopped, and never under two owners or as two shops of one name."""

from __future__ import annotations

import asyncio
import copy
import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
from aiokafka import TopicPartition
from aiokafka.partitioner import DefaultPartitioner

import shopsim
from shoplake import kafka
from shoplake.contract import TOPICS
from shoplake.errors import PublishError
from shoplake.kafka import settled_ends
from shoplake.publish.kafka import publish
from shoplake.publish.progress import read_progress
from shoplake.publish.run import Run
from shoplake.settings import KafkaSettings, Settings

pytestmark = pytest.mark.stack

# Others publish the demo shop into the same log: these shops have names of their own, and their events are told by id.
seeds = itertools.count(970_001)
TIMEOUT_S = 60

Record = tuple[str, int, bytes, bytes, int]  # topic, partition, key, value, timestamp


def run_of(events: int, seed: int, **changes: object) -> Run:
    definition = copy.deepcopy(shopsim.load_scenario("demo").to_dict()) | {"name": "publishing"} | changes
    return Run(shopsim.scenario_from_dict(definition), seed, events)


def simulated(run: Run) -> list[Record]:
    """What the log should hold of a run, in the order of the simulation."""
    choose, every = DefaultPartitioner(), list(range(kafka.PARTITIONS))
    records = []
    for window in shopsim.stream(run.scenario, run.seed, limit=run.events):
        for topic, key, value, occurred_at_ms in window.rows.select("topic", "key", "value", "occurred_at_ms").rows():
            records.append((topic, choose(key.encode(), every, every), key.encode(), value, occurred_at_ms))
    return records


class Log:
    """The committed events that came after this was made."""

    def __init__(self, cluster: KafkaSettings) -> None:
        self._cluster = cluster
        self._start: dict[TopicPartition, int] = {}

    async def begin(self) -> Log:
        self._start = await settled_ends(self._cluster, TOPICS)
        return self

    async def records(self) -> list[Record]:
        ends = await settled_ends(self._cluster, TOPICS)
        found: list[Record] = []
        async with asyncio.timeout(TIMEOUT_S), kafka.consumer(self._cluster) as consumer:
            consumer.assign(list(ends))
            for partition, start in self._start.items():
                consumer.seek(partition, start)
            while any([await consumer.position(p) < end for p, end in ends.items()]):
                for tp, records in (await consumer.getmany(timeout_ms=200)).items():
                    found += [(tp.topic, tp.partition, r.key, r.value, r.timestamp) for r in records]
        return found


def by_partition(records: list[Record]) -> dict[tuple[str, int], list[Record]]:
    """Each partition's records in order: all that a log promises."""
    parts: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        parts.setdefault(record[:2], []).append(record)
    return parts


@pytest.fixture
def cluster(platform: Settings) -> KafkaSettings:
    return platform.kafka


@pytest.fixture
async def log(cluster: KafkaSettings) -> Log:
    return await Log(cluster).begin()


async def test_the_log_holds_what_the_simulation_says_each_where_its_key_belongs(
    cluster: KafkaSettings, log: Log
) -> None:
    run = run_of(3_000, next(seeds))
    done = await publish(cluster, run)
    assert done.events == 3_000
    assert by_partition(await log.records()) == by_partition(simulated(run))


async def test_to_publish_again_adds_nothing(cluster: KafkaSettings, log: Log) -> None:
    run = run_of(500, next(seeds))
    first = await publish(cluster, run)
    again = await publish(cluster, run)
    assert (first.window, first.skip, first.events) == (again.window, again.skip, again.events)
    assert len(await log.records()) == 500


async def test_less_than_there_is_adds_nothing(cluster: KafkaSettings, log: Log) -> None:
    seed = next(seeds)
    await publish(cluster, run_of(500, seed))
    assert (await publish(cluster, run_of(200, seed))).events == 500
    assert len(await log.records()) == 500


async def test_more_events_go_on_exactly_where_the_last_ended(cluster: KafkaSettings, log: Log) -> None:
    seed = next(seeds)
    for events in (1, 700, 701, 2_500):
        assert (await publish(cluster, run_of(events, seed))).events == events
    assert by_partition(await log.records()) == by_partition(simulated(run_of(2_500, seed)))


async def test_progress_is_told_after_each_transaction(cluster: KafkaSettings) -> None:
    run, told = run_of(600, next(seeds)), []
    await publish(cluster, run, watch=told.append)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0, 600)
    progress = (await read_progress(cluster))[run.publisher]
    assert (progress.events, progress.seed, progress.version) == (600, run.seed, shopsim.VERSION)
    assert shopsim.scenario_from_dict(progress.scenario).digest == run.scenario.digest


async def test_a_second_publisher_of_a_name_fences_the_first(cluster: KafkaSettings, log: Log) -> None:
    run = run_of(400, next(seeds))

    def second_publisher(events: int) -> None:
        """All of it, from another thread, while the first is about to send."""
        with ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: asyncio.run(publish(cluster, run))).result(TIMEOUT_S)

    with pytest.raises(PublishError, match=f"another publisher has taken over as '{run.publisher}'"):
        await publish(cluster, run, watch=second_publisher)
    assert by_partition(await log.records()) == by_partition(simulated(run))


async def test_another_shop_under_a_published_name_is_refused(cluster: KafkaSettings, log: Log) -> None:
    seed = next(seeds)
    await publish(cluster, run_of(300, seed))
    with pytest.raises(PublishError, match=rf"the log holds 'publishing-{seed}' of scenario digest"):
        await publish(cluster, run_of(900, seed, description="another shop"))
    assert len(await log.records()) == 300
