"""The dead-letter step: write each record that is not a valid event to the dead-letter topic, exactly once.

It reads from Kafka and writes to Kafka, so one Kafka transaction commits the dead letters together with the progress. A
second process with the same transactional id fences the first.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import IllegalOperation, ProducerFenced

from shoplake import failpoints, kafka
from shoplake.backoff import Backoff
from shoplake.contract import DEAD_LETTER_PROGRESS, DEAD_LETTERS, TOPICS, Placement, Rejected, rejections
from shoplake.contract.history import History
from shoplake.errors import LogUnavailable
from shoplake.streaming.contract_versions import Contracts
from shoplake.streaming.dead_letters import progress as letter_progress
from shoplake.streaming.dead_letters.progress import DeadLetterProgress
from shoplake.streaming.interruptible_wait import wait_for_any
from shoplake.streaming.log_bounds import Log
from shoplake.streaming.worker_reports import Progress, Report

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

    from shoplake.settings import KafkaSettings
    from shoplake.sinks.base import TopicPartition

T = TypeVar("T")

GROUP = "shoplake-dead-letters"
MAX_RECORDS = 50_000
POLL_MS = 200
# A step that takes longer than this is cancelled, and the Kafka clients are created again.
STEP_CHECK_S = 5.0
STEP_CHECKS = 12
# If there are records to process and the progress has not moved for this time, the active process has ended.
STANDBY_S = 20.0
STANDBY_CHECK_S = 1.0
# Limits that keep a dead letter below 1 MB, the default maximum of brokers: a value in base64, and a key whose bytes
# take up to six characters each in JSON. The full record stays in the log, at the position that the dead letter has.
VALUE_BYTES = 512 * 1024
KEY_BYTES = 16 * 1024
DETAIL_CHARACTERS = 1000
MAX_REQUEST_BYTES = 4 * 1024 * 1024


class Truncated(msgspec.Struct, frozen=True):
    """Size and SHA-256 of the full data, for a key or value of which the dead letter holds only the beginning."""

    size_bytes: int
    sha256: str


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rejected record: its position in the log, the reason, the contract that rejected it, and its data.

    Attributes:
        topic: topic of the rejected record; `partition` and `offset` give the position.
        key: the key as text; bytes that are not UTF-8 are replaced.
        reason: as in `contract.Rejected`; `detail` has what was expected and found.
        value_base64: the first `VALUE_BYTES` of the value.
        contract: digest of the contract that rejected the record.
        value_cut: set if the value is longer than `VALUE_BYTES`.
        key_base64: the first `KEY_BYTES` of a key that is not UTF-8.
        key_cut: set if the key is longer than `KEY_BYTES`.
    """

    topic: str
    partition: int
    offset: int
    key: str | None
    timestamp_ms: int
    reason: str
    detail: str
    value_base64: str
    contract: str = ""
    value_cut: Truncated | None = None
    key_base64: str | None = None
    key_cut: Truncated | None = None

    @property
    def name(self) -> str:
        """Name of the dead letter: `<topic>-<partition>-<offset>` of the rejected record."""
        return f"{self.topic}-{self.partition}-{self.offset}"

    @property
    def key_bytes(self) -> bytes:
        """The key of the record in the dead-letter topic."""
        return self.name.encode()

    @property
    def value(self) -> bytes:
        """The rejected value, or only its beginning if `value_cut` is set."""
        return base64.b64decode(self.value_base64)


class DeadLetterLoop:
    """Reads all topics and writes rejected records to the dead-letter topic. One process is active, others stand by."""

    def __init__(self, cluster: KafkaSettings, report: Report) -> None:
        self._cluster = cluster
        self._report = report
        self._log = Log(cluster, TOPICS)
        self._contracts = Contracts(cluster)
        self._backoff = Backoff()
        # The next offset of each partition, as in the last committed transaction.
        self._next_offsets: dict[TopicPartition, int] = {}
        # Dead letters that were written before there was a progress record.
        self._known_names: frozenset[str] = frozenset()
        self._read = 0
        self._lag = 0
        # Whether the remaining records have a contract that only a newer program can read.
        self._needs_upgrade = False

    async def run(self, *, until_caught_up: bool, stopping: asyncio.Event) -> None:
        """Run until `stopping` is set, or, with `until_caught_up`, until all committed records have been checked.

        Raises:
            StreamHalted: records were deleted before they were checked, or a topic was recreated.
            LogUnavailable: Kafka was unavailable for too long.
        """
        self._report_state("joining")
        work = self._process
        try:
            while not stopping.is_set():
                try:
                    if await work(until_caught_up, stopping):
                        return
                    work = self._process
                except _FencedError:
                    work = self._stand_by
                except LogUnavailable:
                    pause_s = self._backoff.pause_s()
                    if pause_s is None:
                        raise
                    self._report_state("waiting")
                    await wait_for_any(pause_s, stopping)
        finally:
            await self._log.close()
            if stopping.is_set():
                self._report_state("stopped")

    async def _process(self, until_caught_up: bool, stopping: asyncio.Event) -> bool:
        """Be the active process; True when it has caught up or should stop."""
        async with self._clients() as (consumer, producer):
            while not stopping.is_set():
                caught_up = await self._in_time(self._step(consumer, producer))
                self._backoff.reset()
                if self._needs_upgrade and until_caught_up:
                    raise self._contracts.newer
                self._report_state("caught up" if caught_up else "upgrade" if self._needs_upgrade else "streaming")
                if caught_up and until_caught_up:
                    break
        return True

    async def _stand_by(self, until_caught_up: bool, stopping: asyncio.Event) -> bool:
        """Watch the progress of the active process; False if it has stopped and this process should become active."""
        before, moved_at = -1, time.monotonic()
        async with self._consumer() as consumer:
            while not stopping.is_set():
                processed = await self._progress() or {}
                ends = await self._log.ends(consumer)
                self._lag = sum(max(0, end - processed.get(partition, 0)) for partition, end in ends.items())
                self._report_state("caught up" if self._lag == 0 else "standby")
                if self._lag == 0 and until_caught_up:
                    break
                if (now := sum(processed.values())) != before or self._lag == 0:
                    before, moved_at = now, time.monotonic()
                elif time.monotonic() - moved_at > STANDBY_S:
                    return False
                await wait_for_any(STANDBY_CHECK_S, stopping)
        return True

    async def _step(self, consumer: Any, producer: Any) -> bool:  # noqa: ANN401 - aiokafka is untyped
        """Process the available records in one transaction; True if none are left."""
        async with kafka.answering(self._cluster):
            polled = await consumer.getmany(timeout_ms=POLL_MS, max_records=MAX_RECORDS)
            await self._contracts.see(polled.values())
            limits = self._contracts.limits(self._log.partitions())
            reached = {p: await consumer.position(KafkaPartition(*p)) for p in self._log.partitions()}
            for partition, limit in limits.items():
                self._stop_at_limit(consumer, partition, limit, polled, reached)
            # Also if only markers were read: a standby process compares the offsets with the end of the log.
            moved = {p: offset for p, offset in reached.items() if offset > self._next_offsets[p]}
            if moved:
                await self._log.refuse_recreated()
                counts = {topic: topic_id.partitions for topic, topic_id in self._log.ids.items()}
                known = self._contracts.history
                letters = [
                    letter
                    for tp, found in polled.items()
                    for letter in letters_of(found, known, counts[tp.topic])
                    if letter.name not in self._known_names
                ]
                progress = DeadLetterProgress.of(self._log.ids, self._next_offsets | moved)
                await _transaction(producer, letters, progress, moved)
                self._next_offsets |= moved
                self._read += sum(map(len, polled.values()))
            ends = await self._log.ends(consumer)
        self._lag = sum(max(0, end - reached[partition]) for partition, end in ends.items())
        self._needs_upgrade = bool(self._lag) and all(
            reached[p] >= min(end, limits.get(p, end)) for p, end in ends.items()
        )
        return self._lag == 0

    def _stop_at_limit(
        self,
        consumer: Any,  # noqa: ANN401 - aiokafka is untyped
        partition: TopicPartition,
        limit: int,
        polled: dict[Any, Any],
        reached: dict[TopicPartition, int],
    ) -> None:
        """Stop a partition before the first record with a newer contract, which only a newer program can read."""
        if reached[partition] > limit:
            tp = KafkaPartition(*partition)
            start = max(limit, self._next_offsets[partition])
            polled[tp] = [record for record in polled.get(tp, ()) if record.offset < limit]
            consumer.pause(tp)
            consumer.seek(tp, start)
            reached[partition] = start

    async def _in_time(self, step: Coroutine[Any, Any, T]) -> T:
        """Limit the time of a step, because aiokafka would wait for Kafka for ever."""
        running = asyncio.ensure_future(step)
        try:
            for _ in range(STEP_CHECKS):
                done, _ = await asyncio.wait({running}, timeout=STEP_CHECK_S)
                if done:
                    return running.result()
                self._report_state("waiting")
        finally:
            running.cancel()
        raise LogUnavailable(f"Kafka did not finish a step within {STEP_CHECKS * STEP_CHECK_S:.0f} s")

    @contextlib.asynccontextmanager
    async def _clients(self) -> AsyncIterator[tuple[Any, Any]]:
        """Start a producer, which fences other processes, and a consumer at the end of the last committed transaction.

        The start of the producer aborts an open transaction of an earlier process before the progress is read.
        """
        producer = AIOKafkaProducer(
            **kafka.client_options(self._cluster),
            transactional_id=GROUP,
            request_timeout_ms=kafka.REQUEST_TIMEOUT_MS,
            max_request_size=MAX_REQUEST_BYTES,
        )
        try:
            await self._in_time(_started(self._cluster, producer))
            async with self._consumer() as consumer:
                bounds = await self._log.bounds(consumer, self._log.partitions())
                begins = {p: found.start for p, found in bounds.items()}
                progress = await self._progress()
                self._next_offsets = begins | (progress or {})
                # Older releases wrote no progress; after an upgrade from one, the dead letters tell what is done.
                self._known_names = await self._letters() if progress is None else frozenset()
                await self._log.refuse_gaps(consumer, self._next_offsets)
                await self._contracts.refresh()
                for partition, offset in self._next_offsets.items():
                    consumer.seek(KafkaPartition(*partition), offset)
                yield consumer, producer
        finally:
            await kafka.stop(producer)

    @contextlib.asynccontextmanager
    async def _consumer(self) -> AsyncIterator[Any]:
        # Partitions are assigned by hand: only one process is active, and it must not wait for a killed group member.
        await self._log.learn()
        consumer = kafka.consumer(self._cluster, group=GROUP)
        try:
            await self._in_time(_started(self._cluster, consumer))
            consumer.assign([KafkaPartition(*partition) for partition in self._log.partitions()])
            yield consumer
        finally:
            await kafka.stop(consumer)

    async def _progress(self) -> dict[TopicPartition, int] | None:
        """The next offsets of the last committed transaction; None if there was none."""
        found = await letter_progress.read(self._cluster)
        return None if found is None else found.positions(self._log.ids)

    async def _letters(self) -> frozenset[str]:
        """The names of all dead letters."""
        names: set[str] = set()
        async for records in kafka.committed_records(self._cluster, DEAD_LETTERS):
            names |= {record.key.decode(errors="replace") for record in records if record.key}
        return frozenset(names)

    def _report_state(self, state: str) -> None:
        reason = "kafka"
        if state == "upgrade":
            state, reason = "waiting", f"an upgrade: {self._contracts.newer.message}"
        self._report(Progress(self._read, self._lag, state, waiting_for=reason if state == "waiting" else ""))


class _FencedError(Exception):
    """Another process has become active, or Kafka has aborted a transaction that took too long."""


async def _started(cluster: KafkaSettings, client: Any) -> None:  # noqa: ANN401 - aiokafka is untyped
    async with kafka.answering(cluster):
        await client.start()


async def _transaction(
    producer: Any,  # noqa: ANN401
    letters: Sequence[DeadLetter],
    progress: DeadLetterProgress,
    moved: Mapping[TopicPartition, int],
) -> None:
    """Write dead letters and progress in one transaction.

    A failed transaction is not aborted here, which would wait for a broker that may be unavailable: the start of the
    next producer aborts it. If the response to a commit is lost, the progress shows whether it succeeded.
    """
    offsets = {KafkaPartition(*partition): offset for partition, offset in moved.items()}
    try:
        await producer.begin_transaction()
        failpoints.hit("dead-letters.write.before")
        for letter in letters:
            value = msgspec.json.encode(letter)
            await producer.send(DEAD_LETTERS, value, letter.key_bytes, timestamp_ms=letter.timestamp_ms)
        failpoints.hit("dead-letters.checkpoint.before")
        await producer.send(DEAD_LETTER_PROGRESS, msgspec.json.encode(progress), letter_progress.KEY)
        await producer.send_offsets_to_transaction(offsets, GROUP)  # for tools that show lag; never read back
        failpoints.hit("dead-letters.commit.before")
        await producer.commit_transaction()
        failpoints.hit("dead-letters.commit.after")
    except (ProducerFenced, IllegalOperation) as error:  # IllegalOperation: it was fenced between two sends
        raise _FencedError from error


def letters_of(records: Sequence[ConsumerRecord[Any, Any]], known: History, partition_count: int) -> list[DeadLetter]:
    """Create a dead letter for each invalid record. Pure.

    Args:
        records: records of one partition, in order of offset, below `known.limit`.
        known: the contract versions of the log.
        partition_count: number of partitions of the topic.
    """
    if not records:
        return []
    topic, partition = records[0].topic, records[0].partition
    letters = []
    for in_force, part in known.split(topic, partition, records):
        placement = Placement([r.key for r in part], [r.partition for r in part], partition_count)
        rejected = rejections(topic, [record.value for record in part], placement, in_force.topics)
        letters += [_letter(part[r.position], r, in_force.digest) for r in rejected]
    return [letter for letter in letters if not known.is_marker(topic, partition, letter.offset)]


def _letter(record: ConsumerRecord[Any, Any], rejected: Rejected, contract: str) -> DeadLetter:
    value, value_cut = _beginning(record.value or b"", VALUE_BYTES)
    key, key_cut = _beginning(record.key or b"", KEY_BYTES)
    return DeadLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=None if record.key is None else key.decode(errors="replace"),
        timestamp_ms=record.timestamp,
        reason=rejected.reason,
        detail=rejected.detail[:DETAIL_CHARACTERS],
        value_base64=base64.b64encode(value).decode(),
        contract=contract,
        value_cut=value_cut,
        key_base64=None if _is_text(record.key or b"") else base64.b64encode(key).decode(),
        key_cut=key_cut,
    )


def _beginning(whole: bytes, limit: int) -> tuple[bytes, Truncated | None]:
    cut = Truncated(len(whole), hashlib.sha256(whole).hexdigest()) if len(whole) > limit else None
    return whole[:limit], cut


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
