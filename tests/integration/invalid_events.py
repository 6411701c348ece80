"""Events that do not fit the contract, put into the log for tests, and the letters that came of them."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import msgspec
from aiokafka import AIOKafkaProducer

from shoplake import kafka
from shoplake.contract import DEAD_LETTERS
from shoplake.kafka import stable_end_offsets
from shoplake.settings import Settings
from shoplake.streaming.dead_letters.router import DeadLetter

TOPIC = "clicks"
WORKER = [sys.executable, "-m", "shoplake.streaming.worker", DEAD_LETTERS]
TIMEOUT_S = 60


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
    await stable_end_offsets(settings.kafka, [TOPIC])
    return {(place.topic, place.partition, place.offset) for place in places}


async def letters_about(settings: Settings, mark: str) -> list[DeadLetter]:
    """The committed dead letters whose event has this key."""
    found: list[DeadLetter] = []
    ends = await stable_end_offsets(settings.kafka, [DEAD_LETTERS])
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
