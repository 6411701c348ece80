"""Rows 16 and 17: events that are none, and a log that loses what a store has not seen yet."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import RecordMetadata

from shoplake import contract_log, kafka
from shoplake.contract import DEAD_LETTERS, TOPICS
from shoplake.sinks import SINKS
from shoplake.stack.process import tail
from shoplake.streaming.dead_letters.router import DeadLetter
from shoplake.streaming.worker import DEAD_LETTERS as STEP
from shoplake.verify import log_reader

from .fault_stack import Lab
from .nemesis import Nemesis
from .stores import Stores
from .workers import WAIT_S, Worker

pytestmark = [pytest.mark.stack, pytest.mark.fault]

RECORDS = 20
LOST = "orders"  # every sink reads it
POISON: tuple[bytes | None, ...] = (
    None,
    b"",
    b"not json",
    b"{",
    b"[]",
    b"{}",
    b"null",
    b"\xff\xfe\x00",
    b'{"type":"no_such_event","event_id":"e","occurred_at_ms":1}',
    b'{"type":"page_viewed","occurred_at_ms":1,"session_id":"s"}',
    b'{"type":"order_placed","event_id":"e","occurred_at_ms":"soon","order_id":"o"}',
    b'{"type":"review_removed","event_id":"e\\u0000","occurred_at_ms":1,"review_id":"r"}',
    b'{"type":' + b"[" * 5_000,
    b'{"type":"stock_received","event_id":"e","occurred_at_ms":1,"quantity":' + b"9" * 400 + b"}",
    b"x" * 500_000,
)


@pytest.mark.row(16)
async def test_each_poison_event_is_one_dead_letter_with_a_reason(lab: Lab, nemesis: Nemesis) -> None:
    published = await lab.log_of(lab.tier.small_log)
    half = lab.tier.poison // 2
    planted = await plant(lab, nemesis, half)
    await lab.log_of(published + lab.tier.poisoned)
    async with lab.stores(*SINKS) as stores:
        async with lab.worker(STEP, stores) as step:
            await step.applied_at_least(1)
            planted |= await plant(lab, nemesis, lab.tier.poison - half)
            await step.kill()
        await asyncio.gather(*(lab.finish(name, stores) for name in (*SINKS, STEP)))
        letters = [letter for letter in await dead_letters(lab) if place(letter) in planted]
        assert sorted(map(place, letters)) == sorted(planted)
        assert all(letter.reason and letter.detail for letter in letters)
        await replayed_once(lab, nemesis, letters)
        await asyncio.gather(*(lab.finish(name, stores) for name in (*SINKS, STEP)))
        note = f"{len(letters)} letters, each replayed once"
        await lab.check(16, "poison", stores, [*SINKS, "dead_letters"], faults=len(planted), note=note)


async def replayed_once(lab: Lab, nemesis: Nemesis, letters: Sequence[DeadLetter]) -> None:
    """Put a sound event in the place of each, replay them by a command that is killed, and then by one that is not."""
    values = lab.folder / "mended.jsonl"
    values.write_bytes(b"\n".join(msgspec.json.encode({"letter": one.name, "value": mended(one)}) for one in letters))
    async with lab.command("dlq", "replay", "--values", str(values)) as killed:
        await asyncio.sleep(nemesis.seconds(0.5, 4))
        nemesis.note(f"kill the replay, which had ended with {killed.returncode}")
    for _ in range(2):
        async with lab.command("dlq", "replay", "--values", str(values)) as replay:
            assert await asyncio.wait_for(replay.wait(), WAIT_S) == 0, tail(lab.commands_log)
    ids = [
        msgspec.json.decode(value, type=dict)["event_id"]
        async for chunk in log_reader.read(lab.settings.kafka, ["inventory"])
        for value in chunk["inventory"].value
        if value and b'"mended-' in value
    ]
    assert Counter(ids) == Counter(f"mended-{letter.name}" for letter in letters)


def mended(letter: DeadLetter) -> dict[str, object]:
    """An event that counts: twice would be seen."""
    return {
        "type": "stock_received",
        "event_id": f"mended-{letter.name}",
        "occurred_at_ms": letter.timestamp_ms,
        "product_id": "mended",
        "warehouse_id": "w1",
        "quantity": 1,
    }


async def plant(lab: Lab, nemesis: Nemesis, count: int) -> set[tuple[str, int, int]]:
    """Send broken events to all topics; returns where they are."""
    async with AIOKafkaProducer(
        **kafka.client_options(lab.settings.kafka), max_request_size=2 * len(POISON[-1] or b"")
    ) as producer:
        sent: list[RecordMetadata] = []
        for _ in range(count):
            topic, value = nemesis.pick(sorted(TOPICS)), nemesis.pick(POISON)
            key = nemesis.pick((None, b"key", b"\xff") if value is not None else (b"key", b"\xff"))
            sent.append(await producer.send_and_wait(topic, value, key))  # with neither it is not sent
    return {(one.topic, one.partition, one.offset) for one in sent}


async def dead_letters(lab: Lab) -> list[DeadLetter]:
    values = [
        value
        async for chunk in log_reader.read(lab.settings.kafka, [DEAD_LETTERS])
        for records in chunk.values()
        for value in records.value
    ]
    return [msgspec.json.decode(value or b"", type=DeadLetter) for value in values]


def place(letter: DeadLetter) -> tuple[str, int, int]:
    return letter.topic, letter.partition, letter.offset


@pytest.mark.row(17)
async def test_a_recreated_topic_halts_every_sink(lab: Lab) -> None:
    for _ in range(lab.tier.log_losses):
        async with all_applied(lab) as stores:
            await make_anew(lab, [LOST])
            await halt(lab, stores, "recreated")
    await noted(lab, "topic recreated")


@pytest.mark.row(17)
async def test_a_recreated_topic_longer_than_the_checkpoint_halts_every_sink(lab: Lab) -> None:
    for _ in range(lab.tier.log_losses):
        async with all_applied(lab) as stores:
            await make_anew(lab, [LOST])
            await fill(lab, LOST, 2 * RECORDS)
            await halt(lab, stores, "recreated")
    await noted(lab, "topic recreated and outgrown")


@pytest.mark.row(17)
async def test_a_topic_recreated_while_sinks_run_halts_them(lab: Lab) -> None:
    for _ in range(lab.tier.log_losses):
        async with all_applied(lab) as stores, AsyncExitStack() as stack:
            workers = [await stack.enter_async_context(lab.worker(sink, stores)) for sink in SINKS]
            await asyncio.gather(*(worker.caught_up() for worker in workers))
            await make_anew(lab, [LOST])
            await fill(lab, LOST, RECORDS // 2)
            assert await asyncio.gather(*(worker.ended() for worker in workers)) == [1] * len(workers)
            said_so(workers, "recreated", "the log was truncated")  # depends on what a worker asks first
    await noted(lab, "topic recreated under running sinks")


@pytest.mark.row(17)
async def test_offsets_that_expired_before_a_sink_read_them_halt_it(lab: Lab) -> None:
    for _ in range(lab.tier.log_losses):
        async with all_applied(lab) as stores:
            await fill(lab, LOST, RECORDS)
            await expire(lab, LOST)
            await halt(lab, stores, "begins at")
    await noted(lab, "offsets expired")


@asynccontextmanager
async def all_applied(lab: Lab) -> AsyncIterator[Stores]:
    """Stores that hold all of a short log, which is a new one: nothing that a row has left is in it."""
    await make_anew(lab, sorted(TOPICS))
    for topic in TOPICS:
        await fill(lab, topic, RECORDS)
    async with lab.stores(*SINKS) as stores:
        await asyncio.gather(*(lab.finish(sink, stores) for sink in SINKS))
        yield stores


async def halt(lab: Lab, stores: Stores, why: str) -> None:
    """Start every sink, and see it refuse to go on."""
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(lab.worker(sink, stores, until_caught_up=True)) for sink in SINKS]
        assert await asyncio.gather(*(worker.ended() for worker in workers)) == [1] * len(workers)
        said_so(workers, why)


async def noted(lab: Lab, fault: str) -> None:
    await lab.note(17, fault, SINKS, lab.tier.log_losses, "halted, nothing skipped")


def said_so(workers: Sequence[Worker], *whys: str) -> None:
    for worker in workers:
        assert any(why in worker.failure for why in whys), str(worker)
        assert LOST in worker.failure, str(worker)
        assert "what to do" in worker.failure, str(worker)


async def make_anew(lab: Lab, topics: list[str]) -> None:
    """Delete topics and create them again, empty."""
    async with administrator(lab) as admin:
        await admin.delete_topics(topics)
        async with asyncio.timeout(60):
            while set(topics) & set(await admin.list_topics()):  # noqa: ASYNC110 - Kafka calls nobody back
                await asyncio.sleep(0.1)
            while not set(topics) <= set(await admin.list_topics()):
                await contract_log.prepare(lab.settings.kafka)
                await asyncio.sleep(0.1)


async def fill(lab: Lab, topic: str, count: int) -> None:
    """So many records to each partition of a topic; what they say does not matter here."""
    async with AIOKafkaProducer(**kafka.client_options(lab.settings.kafka)) as producer:
        for partition in range(kafka.PARTITIONS):
            await asyncio.gather(*[await producer.send(topic, b"{}", partition=partition) for _ in range(count)])


async def expire(lab: Lab, topic: str) -> None:
    """Delete all records of a topic, as retention does."""
    to_the_end = RecordsToDelete(before_offset=-1)
    async with administrator(lab) as admin:
        await admin.delete_records({TopicPartition(topic, p): to_the_end for p in range(kafka.PARTITIONS)})


@asynccontextmanager
async def administrator(lab: Lab) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**kafka.client_options(lab.settings.kafka))
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()
