"""Events that do not fit the contract, planted among those that do: one letter each, however often the step dies."""

from __future__ import annotations

import asyncio
import base64
import signal
import subprocess
import sys
import uuid
from collections import Counter

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from shoplake import kafka
from shoplake.contract import DEAD_LETTERS
from shoplake.kafka import settled_ends
from shoplake.settings import Settings
from shoplake.streaming.dead_letters import DeadLetter

pytestmark = pytest.mark.stack

TOPIC = "clicks"
WORKER = [sys.executable, "-m", "shoplake.streaming.worker", DEAD_LETTERS]
TIMEOUT_S = 60
KILLS = 3
PLANTED = 40


def valid(mark: str, number: int) -> bytes:
    event = {"type": "checkout_started", "event_id": f"{mark}-{number}", "occurred_at_ms": 1_704_067_200_000}
    return msgspec.json.encode(event | {"session_id": mark})


def refused(mark: str, number: int) -> bytes:
    """Every other one cut short, every other one of a type that there is not."""
    whole = valid(mark, number)
    return whole[:-1] if number % 2 else whole.replace(b"checkout_started", b"checkout_dreamt")


async def plant(settings: Settings, mark: str, values: list[bytes]) -> set[tuple[str, int, int]]:
    """Put the values into the log in one transaction; returns where they are."""
    async with AIOKafkaProducer(**kafka.client_options(settings.kafka), transactional_id=f"plant-{mark}") as producer:
        async with producer.transaction():
            sent = [await producer.send(TOPIC, value, mark.encode(), timestamp_ms=17) for value in values]
        places = [await one for one in sent]
    await settled_ends(settings.kafka, [TOPIC])
    return {(place.topic, place.partition, place.offset) for place in places}


async def letters_about(settings: Settings, mark: str) -> list[DeadLetter]:
    """The committed dead letters whose event has this key."""
    found: list[DeadLetter] = []
    ends = await settled_ends(settings.kafka, [DEAD_LETTERS])
    async with asyncio.timeout(TIMEOUT_S), kafka.consumer(settings.kafka) as consumer:
        consumer.assign(list(ends))
        for partition in ends:
            consumer.seek(partition, 0)
        while any([await consumer.position(p) < end for p, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                letters = [msgspec.json.decode(record.value, type=DeadLetter) for record in records]
                assert [record.key for record in records] == [letter.key_bytes for letter in letters]
                found += [letter for letter in letters if letter.key == mark]
    return found


def start(*options: str) -> subprocess.Popen[bytes]:
    # It ends when its standard input does, so that stays open, and nothing here may call `communicate`.
    return subprocess.Popen([*WORKER, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def finish() -> None:
    """Run the step until it has looked at everything."""
    with start("--until-caught-up") as worker:
        assert worker.stdout is not None
        *_, said = worker.stdout
        assert (worker.wait(TIMEOUT_S), msgspec.json.decode(said)["state"]) == (0, "caught up")


async def test_each_refused_event_has_one_letter_and_no_other_has_any(platform: Settings) -> None:
    mark = uuid.uuid4().hex
    await plant(platform, mark, [valid(mark, n) for n in range(20)])
    places = await plant(platform, mark, [refused(mark, n) for n in range(PLANTED)])
    finish()
    letters = await letters_about(platform, mark)
    assert Counter((x.topic, x.partition, x.offset) for x in letters) == Counter(places)
    assert Counter(x.reason for x in letters) == {"malformed_json": PLANTED // 2, "schema": PLANTED // 2}
    assert {base64.b64decode(x.value_base64) for x in letters} == {refused(mark, n) for n in range(PLANTED)}
    assert {x.timestamp_ms for x in letters} == {17}
    assert all("checkout_dreamt" in x.detail for x in letters if x.reason == "schema")


async def test_a_second_look_writes_no_letter_again(platform: Settings) -> None:
    mark = uuid.uuid4().hex
    places = await plant(platform, mark, [refused(mark, n) for n in range(3)])
    finish()
    finish()
    assert Counter((x.topic, x.partition, x.offset) for x in await letters_about(platform, mark)) == Counter(places)


@pytest.mark.fault
async def test_a_step_that_is_killed_and_started_again_writes_each_letter_once(platform: Settings) -> None:
    mark = uuid.uuid4().hex
    places: set[tuple[str, int, int]] = set()
    for kill in range(KILLS):
        worker = start()
        assert worker.stdout is not None
        # Streaming, so that the events come while it looks; killed at once, half a transaction at the worst.
        while msgspec.json.decode(worker.stdout.readline())["state"] == "joining":
            pass
        for part in range(5):
            places |= await plant(platform, mark, [refused(mark, 1000 * kill + 100 * part + n) for n in range(PLANTED)])
        await asyncio.sleep(0.05 * kill)
        worker.kill()
        assert worker.wait() == -signal.SIGKILL
        worker.stdout.close()
    finish()
    letters = await letters_about(platform, mark)
    assert len(places) == KILLS * 5 * PLANTED
    assert Counter((x.topic, x.partition, x.offset) for x in letters) == Counter(places)
