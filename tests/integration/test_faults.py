"""A shop in which everything goes wrong that can: every store is exact, and each broken event has one letter."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections import Counter
from collections.abc import Iterator

import polars as pl
import pytest

import shopsim
from shoplake.contract import DEAD_LETTERS, TOPICS
from shoplake.publish.fault_ledger import FaultLedger
from shoplake.publish.kafka import publish
from shoplake.publish.run import Run
from shoplake.settings import Settings
from shoplake.sinks import SINKS
from shoplake.streaming.supervisor import stream
from shoplake.verify import ALWAYS_PRESENT, log_reader, verify
from shopsim.faults.encoding import CONTENT_FAULTS, REASONS
from shopsim.faults.selection import FAULTS

pytestmark = pytest.mark.stack

EVENTS, SEED = 8_000, 31


@pytest.fixture(scope="module")
def run() -> Run:
    """Late events skip windows, so that some come after the end of the run and some from long before."""
    definition = shopsim.load_scenario("demo").to_dict() | {"name": "all-goes-wrong", "window_hours": 24}
    definition["customers"]["initial"] = 400
    definition["faults"] = {
        "rates": {"all": dict.fromkeys(FAULTS, 0.01)},
        "late": {"median_minutes": 600, "cap_hours": 72},
    }
    return Run(shopsim.scenario_from_dict(definition), SEED, EVENTS)


@pytest.fixture(scope="module")
def told(platform: Settings, run: Run, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """The faults of what was published, in two goes, and streamed into every store."""
    path = tmp_path_factory.mktemp("faults") / "faults.parquet"
    half = Run(run.scenario, run.seed, EVENTS // 3)
    asyncio.run(publish(platform.kafka, half))
    with FaultLedger(run, path, keep_when_interrupted=True) as ledger:
        asyncio.run(publish(platform.kafka, run, watch=ledger))
    asyncio.run(stream(SINKS, until_caught_up=True))
    return pl.read_parquet(path)


@pytest.fixture(scope="module")
def chunks(platform: Settings, told: pl.DataFrame) -> list[log_reader.Chunk]:
    async def read() -> list[log_reader.Chunk]:
        return [chunk async for chunk in log_reader.read(platform.kafka, [*TOPICS, DEAD_LETTERS])]

    return asyncio.run(read())


async def test_every_store_is_exact(platform: Settings, told: pl.DataFrame) -> None:
    report = await verify(platform)
    assert {store.name: [str(f) for f in store.findings] for store in report.stores} == {
        name: [] for name in ALWAYS_PRESENT
    }
    assert report.ok
    letters = next(store for store in report.stores if store.name == "dead_letters")
    assert letters.found >= told["fault"].is_in(CONTENT_FAULTS).sum() > 0


def test_every_fault_of_the_ledger_is_in_the_log(run: Run, told: pl.DataFrame, chunks: list[log_reader.Chunk]) -> None:
    ids = Counter(event_id for topic, value in values(chunks) if topic in TOPICS for event_id in ids_in(value, told))
    assert set(told["fault"]) == set(FAULTS)
    twice = told.filter(pl.col("fault") == "duplicated")["event_id"]
    # The first copy of an event that comes twice is the sound one; the run may end before the second.
    assert {event_id for event_id, n in ids.items() if n > 1} == set(twice)
    assert ids.total() == EVENTS


def test_each_invalid_event_has_one_dead_letter_with_the_reason_of_its_fault(
    told: pl.DataFrame, chunks: list[log_reader.Chunk]
) -> None:
    letters = [json.loads(value) for topic, value in values(chunks) if topic == DEAD_LETTERS]
    found = [
        (event_id, letter["topic"], letter["reason"])
        for letter in letters
        for event_id in ids_in(base64.b64decode(letter["value_base64"]), told)
    ]
    broken = told.filter(pl.col("fault").is_in(CONTENT_FAULTS)).rows(named=True)
    assert sorted(found) == sorted((row["event_id"], row["topic"], REASONS[row["fault"]]) for row in broken)


def values(chunks: list[log_reader.Chunk]) -> Iterator[tuple[str, bytes]]:
    for chunk in chunks:
        for topic, records in chunk.items():
            yield from ((topic, value or b"") for value in records.value)


def ids_in(value: bytes, told: pl.DataFrame) -> list[str]:
    """The value's event id, if it is of the run of which the ledger tells."""
    space = told["event_id"][0].split("-")[0]
    return [match.decode() for match in re.findall(rb'"event_id":"(' + space.encode() + rb'-[^"]+)"', value)]
