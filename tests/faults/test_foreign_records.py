"""Row 24: records that other programs write, into event topics and into our own, each of a kind that Kafka takes."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from shoplake.contract import OUTCOMES, PUBLISH_PROGRESS, TOPICS, partitions_of
from shoplake.kafka import PARTITIONS
from shoplake.sinks import SINKS
from shoplake.stack.process import tail
from shoplake.streaming.dead_letters.router import VALUE_BYTES
from shoplake.streaming.worker import DEAD_LETTERS as STEP
from tests.foreign_records import Foreign, produce

from .fault_stack import Lab
from .nemesis import Nemesis
from .test_bad_and_lost_records import dead_letters, place
from .workers import WAIT_S

pytestmark = [pytest.mark.stack, pytest.mark.fault]

NOT_UTF8 = b"\xff\xfe"
REFUSED = (
    Foreign(b"{}", b"k", headers=[(NOT_UTF8, b"1")]),
    Foreign(b"{}", b"k", headers=[(b"shoplake-replay-of", None)]),
    Foreign(b"{}", b"k", headers=[(b"shoplake-replay-of", NOT_UTF8), (b"", b"")]),
    Foreign(b"{}", b"k", headers=[(b"h%d" % n, b"v") for n in range(10_000)]),
    Foreign(b"{}", None),
    Foreign(b"{}", b""),
    Foreign(b"{}", NOT_UTF8 * 1_000),
    Foreign(b"{}", b"k" * 1_000_000),
    Foreign(b"", b"k"),
    Foreign(None, b"k"),
    Foreign(b"{" * (VALUE_BYTES + 1), b"k"),
    Foreign(b"x" * 3_300_000, b"k"),
    *(Foreign(b"{}", b"k", timestamp_ms=ms) for ms in (-1, -(2**62), 2**62, 2**63 - 1)),
)
BOOKS = (
    (PUBLISH_PROGRESS, Foreign(None, b"nobody-1")),
    (PUBLISH_PROGRESS, Foreign(b"garbage", b"a stranger", headers=[(NOT_UTF8, None)])),
    (OUTCOMES, Foreign(None, b"clicks-0-99999999")),
    (OUTCOMES, Foreign(NOT_UTF8, b"a stranger", headers=[(b"shoplake-replay-of", None)])),
)
CODECS = (0, 1, 2, 3, 4)


@pytest.mark.row(24)
async def test_foreign_records_stop_no_sink_and_each_invalid_one_becomes_a_dead_letter(
    lab: Lab, nemesis: Nemesis
) -> None:
    await lab.log_of(lab.tier.small_log)
    mixed = [nemesis.pick(REFUSED) for _ in range(lab.tier.foreign)]
    planted = set()
    async with lab.stores(*SINKS) as stores:
        async with lab.worker(STEP, stores) as step:
            for number, one in enumerate((*REFUSED, *mixed)):
                topic, partition = nemesis.pick(sorted(TOPICS)), nemesis.pick(range(PARTITIONS))
                (offset,) = await produce(lab.settings.kafka, topic, partition, [one], nemesis.pick(CODECS))
                planted.add((topic, partition, offset))
                if number == len(REFUSED) // 2:
                    await step.kill()
        for topic, one in BOOKS:
            await produce(lab.settings.kafka, topic, 0, [one])
        await produce(lab.settings.kafka, "inventory", *sound())
        await asyncio.gather(*(lab.finish(name, stores) for name in (*SINKS, STEP)))
        letters = [letter for letter in await dead_letters(lab) if place(letter) in planted]
        assert sorted(map(place, letters)) == sorted(planted)
        for words in (("dlq", "list"), ("dlq", "list", "--json"), ("lag",)):
            async with lab.command(*words) as command:
                assert await asyncio.wait_for(command.wait(), WAIT_S) == 0, tail(lab.commands_log)
        await lab.check(24, "records of others", stores, [*SINKS, "dead_letters"], faults=len(planted) + len(BOOKS))


def sound() -> tuple[int, list[Foreign]]:
    """A valid event in its place, with headers that no client of ours writes."""
    key = b"foreign"
    event = {
        "type": "stock_received",
        "event_id": "foreign",
        "occurred_at_ms": 1_788_300_000_000,
        "product_id": key.decode(),
        "warehouse_id": "w1",
        "quantity": 1,
    }
    headers = [(NOT_UTF8, None), (b"shoplake-replay-of", None)]
    (partition,) = partitions_of([key], PARTITIONS)
    return int(partition), [Foreign(msgspec.json.encode(event), key, 2**62, headers)]
