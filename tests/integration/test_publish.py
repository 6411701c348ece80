"""Publishing goes on exactly where it stopped, and never under two owners or as two shops of one name."""

from __future__ import annotations

import asyncio
import itertools
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from typer.testing import CliRunner

import shopsim
from shoplake.cli.main import app
from shoplake.errors import PublishError
from shoplake.publish.kafka import publish
from shoplake.publish.progress_records import read_progress
from shoplake.settings import KafkaSettings, Settings
from shoplake.verify import verify

from .published_log import Log, by_partition, run_of, simulated

pytestmark = pytest.mark.stack

# Others publish the demo shop into the same log: these shops have names of their own, and their events are told by id.
seeds = itertools.count(970_001)
TIMEOUT_S = 60


@pytest.fixture
def cluster(platform: Settings) -> KafkaSettings:
    return platform.kafka


@pytest.fixture
async def log(cluster: KafkaSettings) -> Log:
    return await Log(cluster).begin()


async def test_the_log_equals_the_simulation_with_each_event_in_its_partition(cluster: KafkaSettings, log: Log) -> None:
    run = run_of(3_000, next(seeds))
    done = await publish(cluster, run)
    assert done.events == 3_000
    assert by_partition(await log.records()) == by_partition(simulated(run))


async def test_publishing_again_adds_nothing(cluster: KafkaSettings, log: Log) -> None:
    run = run_of(500, next(seeds))
    first = await publish(cluster, run)
    again = await publish(cluster, run)
    assert (first.window, first.skip, first.events) == (again.window, again.skip, again.events)
    assert len(await log.records()) == 500


async def test_fewer_events_than_published_add_nothing(cluster: KafkaSettings, log: Log) -> None:
    seed = next(seeds)
    await publish(cluster, run_of(500, seed))
    assert (await publish(cluster, run_of(200, seed))).events == 500
    assert len(await log.records()) == 500


def generate(*arguments: str) -> str:
    """What the command prints."""
    done = CliRunner().invoke(app, ["generate", *arguments])
    assert done.exit_code == 0, (done.stderr, done.exception)
    assert " of 5 events" not in done.stderr
    return done.stdout


def test_a_run_with_nothing_to_do_says_how_to_add_events(cluster: KafkaSettings) -> None:
    seed = ("--seed", str(next(seeds)))
    assert generate(*seed, "--events", "700").startswith("700 events of 'demo-")
    for fewer in (("--days", "30", "--events", "5"), ("--events", "700")):
        said = generate(*seed, *fewer)
        assert said.startswith("nothing to do: 700 events of 'demo-")
        assert "already, and --events counts from the start" in said
        assert "use --more 200000 or --events 200700" in said
    assert json.loads(generate(*seed, "--events", "5", "--json"))["published"] == 0
    told = json.loads(generate(*seed, "--more", "300", "--json"))
    assert (told["events"], told["published"]) == (1_000, 300)
    assert generate(*seed, "--more", "1").startswith("1,001 events of")


async def test_more_events_continue_exactly_after_the_last_run(cluster: KafkaSettings, log: Log) -> None:
    seed = next(seeds)
    for events in (1, 700, 701, 2_500):
        assert (await publish(cluster, run_of(events, seed))).events == events
    assert by_partition(await log.records()) == by_partition(simulated(run_of(2_500, seed)))


async def test_progress_is_reported_after_each_transaction(cluster: KafkaSettings) -> None:
    run, told = run_of(600, next(seeds)), []
    await publish(cluster, run, watch=lambda events, _: told.append(events))
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0, 600)
    progress = (await read_progress(cluster))[run.publisher]
    assert (progress.events, progress.seed, progress.version) == (600, run.seed, shopsim.VERSION)
    assert shopsim.scenario_from_dict(progress.scenario).digest == run.scenario.digest


async def test_a_second_publisher_of_a_name_fences_the_first(cluster: KafkaSettings, log: Log) -> None:
    run = run_of(400, next(seeds))

    def second_publisher(events: int, window: object) -> None:
        """All of it, from another thread, while the first is about to send."""
        with ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: asyncio.run(publish(cluster, run))).result(TIMEOUT_S)

    with pytest.raises(PublishError, match=f"another publisher has taken over as '{run.publisher}'"):
        await publish(cluster, run, watch=second_publisher)
    assert by_partition(await log.records()) == by_partition(simulated(run))


async def test_another_scenario_with_a_published_name_is_refused(cluster: KafkaSettings, log: Log) -> None:
    seed = next(seeds)
    await publish(cluster, run_of(300, seed))
    with pytest.raises(PublishError, match=rf"the log holds 'publishing-{seed}' of scenario digest"):
        await publish(cluster, run_of(900, seed, description="another shop"))
    assert len(await log.records()) == 300


async def test_another_start_date_is_refused_with_the_published_one(cluster: KafkaSettings, log: Log) -> None:
    seed = next(seeds)
    await publish(cluster, run_of(300, seed, start="2026-05-01"))
    with pytest.raises(PublishError, match=r"with start 2026-05-01, but this run starts on 2026-06-01") as caught:
        await publish(cluster, run_of(900, seed, start="2026-06-01"))
    assert "`--start 2026-05-01`" in caught.value.fix
    assert len(await log.records()) == 300


async def test_a_selection_of_topics_equals_those_of_the_full_run(platform: Settings, log: Log) -> None:
    cluster = platform.kafka
    seed = next(seeds)
    some = run_of(400, seed, topics=("products", "orders"))
    await publish(cluster, run_of(150, seed, topics=some.topics))
    await publish(cluster, some)
    records = by_partition(await log.records())
    assert records == by_partition(simulated(some))
    assert {topic for topic, _ in records} == {"products", "orders"}
    whole = [record for record in simulated(run_of(60_000, seed)) if record[0] in some.topics]
    assert by_partition(whole[:400]) == records
    with pytest.raises(PublishError, match=f"the log holds the topics products, orders of '{some.publisher}'"):
        await publish(cluster, run_of(500, seed))
    (found,) = (await verify(platform, ["log"])).stores
    assert found.ok, found.findings


async def test_a_run_until_a_time_ends_there_and_can_be_continued(cluster: KafkaSettings, log: Log) -> None:
    seed, start_ms = next(seeds), run_of(1, 1).scenario.start_ms
    for hours in (2, 2, 30):
        run = run_of(None, seed, until_ms=start_ms + hours * 3_600_000)
        await publish(cluster, run)
    records = await log.records()
    assert by_partition(records) == by_partition(simulated(run))
    assert start_ms + 29 * 3_600_000 < max(record[4] for record in records) < run.until_ms
