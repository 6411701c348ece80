"""Events that do not fit the contract, planted among those that do: one letter each, however often the step dies."""

from __future__ import annotations

import asyncio
import base64
import signal
import uuid
from collections import Counter

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import DeleteGroupsRequest

from shoplake import kafka
from shoplake.contract import DEAD_LETTER_PROGRESS
from shoplake.settings import Settings
from shoplake.streaming.dead_letters import progress as letter_progress
from shoplake.streaming.dead_letters.router import GROUP

from .invalid_events import finish, letters_about, plant, refused, start, valid

pytestmark = pytest.mark.stack

KILLS = 3
PLANTED = 40


async def test_each_rejected_record_has_exactly_one_dead_letter(platform: Settings) -> None:
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


async def test_a_second_run_writes_no_dead_letter_again(platform: Settings) -> None:
    mark = uuid.uuid4().hex
    places = await plant(platform, mark, [refused(mark, n) for n in range(3)])
    finish()
    finish()
    assert Counter((x.topic, x.partition, x.offset) for x in await letters_about(platform, mark)) == Counter(places)


async def test_no_dead_letter_is_repeated_when_the_consumer_group_is_lost(platform: Settings) -> None:
    """A broker forgets a group after seven idle days; the deletion is the same to us."""
    mark = uuid.uuid4().hex
    places = await plant(platform, mark, [refused(mark, n) for n in range(3)])
    finish()
    await forget_group(platform)
    finish()
    assert Counter((x.topic, x.partition, x.offset) for x in await letters_about(platform, mark)) == Counter(places)


async def test_no_dead_letter_is_repeated_without_progress_records(platform: Settings) -> None:
    """As after an upgrade from a release whose only memory was its group's offsets."""
    mark = uuid.uuid4().hex
    places = await plant(platform, mark, [refused(mark, n) for n in range(3)])
    finish()
    async with AIOKafkaProducer(**kafka.client_options(platform.kafka)) as producer:
        await producer.send_and_wait(DEAD_LETTER_PROGRESS, None, letter_progress.KEY)
    assert await letter_progress.read(platform.kafka) is None
    await forget_group(platform)
    places |= await plant(platform, mark, [refused(mark, n) for n in range(3, 5)])
    finish()
    assert Counter((x.topic, x.partition, x.offset) for x in await letters_about(platform, mark)) == Counter(places)
    assert await letter_progress.read(platform.kafka) is not None


async def forget_group(settings: Settings) -> None:
    admin = AIOKafkaAdminClient(**kafka.client_options(settings.kafka))
    await admin.start()
    try:
        # aiokafka describes the request, and has no method for it.
        coordinator = await admin.find_coordinator(GROUP)
        answer = await admin._send_request_to_node(coordinator, DeleteGroupsRequest([GROUP]))
        assert [code for _, code in answer.results] == [0]
    finally:
        await admin.close()


@pytest.mark.fault
async def test_a_killed_and_restarted_step_writes_each_dead_letter_once(platform: Settings) -> None:
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
