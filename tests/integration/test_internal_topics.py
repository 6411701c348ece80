"""Tombstones, garbage and headers of strangers in the topics that this project keeps its books in."""

from __future__ import annotations

import msgspec
import pytest

from shoplake.contract import OUTCOMES, PUBLISH_PROGRESS
from shoplake.errors import PublishError
from shoplake.publish.kafka import publish
from shoplake.publish.progress_records import progress_of, read_progress
from shoplake.publish.run import Run, load_scenario
from shoplake.settings import Settings
from shoplake.streaming.dead_letters.store import read_outcomes
from shoplake.verify import verify
from tests.foreign_records import Foreign, produce

pytestmark = pytest.mark.stack

SEED = 4601
NULL_HEADER = ((b"shoplake-replay-of", None), (b"\xff", b"x"))


async def test_unreadable_progress_stops_only_its_publisher(platform: Settings) -> None:
    cluster, run = platform.kafka, Run(load_scenario("demo"), SEED, 2_000)
    done = await publish(cluster, run)
    (at,) = await produce(
        cluster, PUBLISH_PROGRESS, 0, [Foreign(b"garbage", run.publisher.encode(), headers=NULL_HEADER)]
    )

    with pytest.raises(PublishError, match=f"{PUBLISH_PROGRESS}-0 at offset {at}"):
        await publish(cluster, run)
    assert run.publisher not in await read_progress(cluster)
    other = Run(load_scenario("demo"), SEED + 1, 500)
    assert (await publish(cluster, other)).events == 500
    report = await verify(platform, ["log"])
    findings = report.stores[0].findings
    assert [(f.kind, f.key) for f in findings if f.table == PUBLISH_PROGRESS] == [("differing", run.publisher)]

    await produce(cluster, PUBLISH_PROGRESS, 0, [Foreign(msgspec.json.encode(done), run.publisher.encode())])
    assert (await publish(cluster, run)).events == done.events
    assert (await verify(platform, ["log"])).ok


async def test_a_deleted_publisher_has_published_nothing(platform: Settings) -> None:
    key = b"deleted-1"
    await produce(platform.kafka, PUBLISH_PROGRESS, 0, [Foreign(b"{}", key), Foreign(None, key)])

    assert await progress_of(platform.kafka, key.decode()) is None
    assert (await verify(platform, ["log"])).ok


async def test_an_unreadable_outcome_hides_only_its_dead_letter(platform: Settings) -> None:
    def outcome(letter: str) -> bytes:
        return msgspec.json.encode({"letter": letter, "state": "discarded", "at_ms": 1})

    letters = ["clicks-0-900001", "clicks-0-900002", "clicks-0-900003"]
    written = [Foreign(outcome(name), name.encode(), headers=NULL_HEADER) for name in letters]
    written += [Foreign(b"\xff", letters[0].encode()), Foreign(None, letters[1].encode()), Foreign(b"{", b"a stranger")]
    offsets = await produce(platform.kafka, OUTCOMES, 0, written)

    found = await read_outcomes(platform.kafka)

    assert [found[name].state if name in found else None for name in letters] == ["unreadable", None, "discarded"]
    assert f"offset {offsets[3]}" in found[letters[0]].note
    report = await verify(platform, ["log"])
    assert [f.key for f in report.stores[0].findings] == [letters[0]]
    await produce(platform.kafka, OUTCOMES, 0, [Foreign(None, letters[0].encode())])
    assert (await verify(platform, ["log"])).ok
