"""Planted damage: a deleted, a doubled and a changed row in each store are found, each by its key, and nothing else.

The damage stays: whoever needs exact stores afterwards needs a stack of their own.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shoplake.cli.verify import command
from shoplake.contract import DEAD_LETTERS
from shoplake.errors import StackError, StoreUnavailable, VerifyFailed
from shoplake.settings import Settings
from shoplake.verify import ALWAYS_PRESENT, log_reader, verify
from shoplake.verify import verification as run
from shoplake.verify.stores import dynamodb

from .row_damage import DAMAGE, board_of

pytestmark = pytest.mark.stack


async def test_a_loaded_stack_is_exact(loaded_stack: Settings) -> None:
    report = await verify(loaded_stack)
    assert {store.name: [str(f) for f in store.findings] for store in report.stores} == {
        name: [] for name in ALWAYS_PRESENT
    }
    assert report.ok
    assert all(store.expected == store.found > 0 for store in report.stores if store.name != "dead_letters")


async def test_a_long_log_is_read_in_a_subprocess(loaded_stack: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "SUBPROCESS_MIN_RECORDS", 1)
    said: list[str] = []
    here, apart = await verify(loaded_stack, ["redis"]), await verify(loaded_stack, ["log", "redis"], said.append)
    assert apart.ok
    assert apart.stores[1] == here.stores[0]
    assert any(line.endswith(f"{apart.stores[0].found:,} events read") for line in said)


async def test_lake_files_with_delete_files_are_read_as_iceberg_does(
    loaded_stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shoplake.verify.stores.lake_files.is_whole", lambda task: False)
    (store,) = (await verify(loaded_stack, ["lake"])).stores
    assert store.ok
    assert store.found > 0


async def test_a_verification_can_be_cancelled_while_it_reads_a_store(
    loaded_stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = threading.Event(), threading.Event()
    insert = dynamodb.insert_columns

    def slowly(*arguments: Any) -> None:
        begun.set()
        time.sleep(0.5)  # in which the verification is given up
        insert(*arguments)
        ended.set()

    monkeypatch.setattr(dynamodb, "insert_columns", slowly)
    verification = asyncio.create_task(verify(loaded_stack, ["dynamodb"]))
    assert await asyncio.to_thread(begun.wait, 60)
    verification.cancel()
    with pytest.raises(asyncio.CancelledError):
        await verification
    assert await asyncio.to_thread(ended.wait, 60)  # DuckDB crashes where its database is closed meanwhile


@pytest.mark.parametrize("name", ["lake", "postgres", "dynamodb", "mongo", "redis"])
async def test_planted_damage_is_reported_by_key(loaded_stack: Settings, name: str) -> None:
    planted = DAMAGE[name](loaded_stack)
    (changed,) = ((table, key) for kind, table, key in planted if kind == "differing")
    report = await verify(loaded_stack, [name], explain=changed[1])
    (store,) = report.stores
    assert {(f.kind, f.table, f.key) for f in store.findings} == planted
    assert (store.lost, store.duplicated, store.differing) == (1, 1, 1)
    assert store.found == store.expected
    assert not report.ok
    explanation = report.explanation
    assert explanation is not None
    (row,) = (row for row in explanation.rows if (row.table, row.key) == changed)
    assert (row.expected, row.found) == (1, 1)
    (finding,) = (f for f in store.findings if f.kind == "differing")
    assert finding.columns == tuple(column for column in row.columns if column.expected != column.found)
    assert (explanation.event_count > 0) == (name not in ("lake", "redis"))  # there a key has no id of the events


async def test_the_command_prints_json_and_fails_if_a_store_is_not_exact(
    loaded_stack: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with board_of(loaded_stack) as board:
        board.hset("shoplake:stock", "never-made", 1)
    monkeypatch.setattr("shoplake.settings.load", lambda environment: loaded_stack)
    with pytest.raises(VerifyFailed, match="not exact: redis"):
        await asyncio.to_thread(command, stores="redis", explain="never-made", json=True, environment="local")
    document = json.loads(capsys.readouterr().out)
    assert [(row["key"], row["found"]) for row in document["explanation"]["rows"]] == [("shoplake:stock/never-made", 1)]
    assert document["ok"] is False
    assert document["stores"]["redis"].keys() == {"expected", "found", "lost", "duplicated", "differing"}
    assert "shoplake:stock/never-made" in {finding["key"] for finding in document["findings"]["redis"]}


async def test_a_dead_letter_without_an_event_is_reported(loaded_stack: Settings) -> None:
    await send(loaded_stack, DEAD_LETTERS, b"clicks-0-999999999", b"{}")
    (store,) = (await verify(loaded_stack, ["dead_letters"])).stores
    assert [(f.kind, f.key) for f in store.findings] == [("duplicated", "clicks-0-999999999")]


async def test_every_store_that_does_not_answer_is_named(loaded_stack: Settings) -> None:
    nobody = loaded_stack.redis.model_copy(update={"port": 1})
    away = loaded_stack.postgres.model_copy(update={"port": 1})
    settings = loaded_stack.model_copy(update={"redis": nobody, "postgres": away})
    with pytest.raises(StoreUnavailable, match=r"(?s)postgres at .*:1 could.*redis at .*:1 could"):
        await verify(settings, ["postgres", "redis"])


async def test_a_missing_topic_is_a_clear_error(loaded_stack: Settings) -> None:
    with pytest.raises(StackError, match="Kafka has no topic never-made"):
        await chunks_of(loaded_stack, "never-made")


async def test_only_committed_records_are_read_and_control_records_are_skipped(loaded_stack: Settings) -> None:
    topic = f"verify-{time.time_ns()}"
    await create_topic(loaded_stack, topic)
    producer = AIOKafkaProducer(bootstrap_servers=loaded_stack.kafka.bootstrap_servers, transactional_id=topic)
    await producer.start()
    try:
        for value in (b"first", b"second"):
            async with producer.transaction():
                await producer.send_and_wait(topic, value)
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"aborted")
        await producer.abort_transaction()
        chunks = await chunks_of(loaded_stack, topic)
    finally:
        await producer.stop()
    assert [chunk[topic].value for chunk in chunks] == [[b"first", b"second"]]


async def test_an_event_that_was_published_again_is_duplicated_in_the_log(loaded_stack: Settings) -> None:
    chunk = (await chunks_of(loaded_stack, "products"))[0]["products"]
    await send(loaded_stack, "products", chunk.key[0], chunk.value[0])
    (store,) = (await verify(loaded_stack, ["log"])).stores
    assert (store.lost, store.duplicated, store.differing) == (0, 1, 0)
    assert [f.key for f in store.findings] == [json.loads(chunk.value[0] or b"")["event_id"]]


async def chunks_of(settings: Settings, topic: str) -> list[log_reader.Chunk]:
    return [chunk async for chunk in log_reader.read(settings.kafka, [topic])]


async def send(settings: Settings, topic: str, key: bytes | None, value: bytes | None) -> None:
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka.bootstrap_servers) as producer:
        await producer.send_and_wait(topic, value, key)


async def create_topic(settings: Settings, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap_servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()
