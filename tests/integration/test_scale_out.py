"""Several workers share a sink's partitions; the lag that the stores themselves tell."""

from __future__ import annotations

from collections import Counter

import pytest
from pydantic import SecretStr

from shoplake.contract import TOPICS
from shoplake.publish.kafka import publish
from shoplake.publish.run import Run, load_scenario
from shoplake.settings import Settings
from shoplake.sinks import SINKS
from shoplake.streaming.lag import lags
from shoplake.streaming.supervisor import stream
from shoplake.streaming.worker import DEAD_LETTERS
from shoplake.verify import verify

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


async def test_lag_is_what_a_store_does_not_have_yet(loaded_stack: Settings) -> None:
    names = [*SINKS, DEAD_LETTERS]
    await publish(loaded_stack.kafka, Run(load_scenario("demo"), SEED, EVENTS))
    await stream(SINKS, until_caught_up=True)
    assert {sink.name: sink.lag for sink in await lags(loaded_stack, names)} == dict.fromkeys(names, 0)
    await publish(loaded_stack.kafka, Run(load_scenario("demo"), SEED, EVENTS + 1_000))
    behind = {sink.name: sink for sink in await lags(loaded_stack, names)}
    assert all(sink.lag > 0 for sink in behind.values())
    # Of each thousand, one marker per partition that a transaction touched.
    assert 1_000 <= behind["lake"].lag <= 1_000 + len(behind["lake"].partitions)
    assert {one.partition.topic for one in behind["lake"].partitions} == set(TOPICS)
    assert {one.partition.topic for one in behind["redis"].partitions} == {"orders", "clicks", "inventory"}


async def test_a_store_that_does_not_answer_is_named_and_the_others_are_told_of(platform: Settings) -> None:
    wrong = platform.redis.model_copy(update={"password": SecretStr("wrong"), "port": 1})
    redis, postgres = await lags(platform.model_copy(update={"redis": wrong}), ["redis", "postgres"])
    assert redis.problem.startswith("redis did not answer")
    assert (postgres.problem, len(postgres.partitions)) == ("", 30)
