"""Events that do not fit the contract, each copied once to the topic of dead letters, with a reason.

This is a Kafka-to-Kafka step, so Kafka's own transactions do it: the letters and how far the log was looked at are
committed together. A second copy under the same name fences the first.
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
from shoplake.streaming.dead_letters.progress import LetterProgress
from shoplake.streaming.interruptible_wait import first
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
# A step that is not done after so many looks will not be: the clients are made anew.
STEP_LOOK_S = 5.0
STEP_LOOKS = 12
# Nothing moved for so long, and there is something to look at: whoever had taken over is gone.
STANDBY_S = 20.0
STANDBY_LOOK_S = 1.0
# A letter fits whatever was refused: with a value of so many bytes in base64, and a key of which each byte takes six as
# JSON, it is below the megabyte that brokers take by default. The rest stays in the log, at the place the letter names.
VALUE_BYTES = 512 * 1024
KEY_BYTES = 16 * 1024
DETAIL_CHARACTERS = 1000
MAX_REQUEST_BYTES = 4 * 1024 * 1024


class Cut(msgspec.Struct, frozen=True):
    """What a letter holds only the beginning of: the size and the SHA-256 of all of it."""

    size_bytes: int
    sha256: str


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One refused event: where it is in the log, why and by which contract it was refused, and what it was.

    Attributes:
        key: as text, bytes that are none replaced.
        value_base64: the first `VALUE_BYTES` of the value.
        value_cut: where the value is longer than that.
        key_base64: the first `KEY_BYTES` of a key that is not UTF-8.
        key_cut: where the key is longer than that.
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
    value_cut: Cut | None = None
    key_base64: str | None = None
    key_cut: Cut | None = None

    @property
    def name(self) -> str:
        """One letter per place in the log."""
        return f"{self.topic}-{self.partition}-{self.offset}"

    @property
    def key_bytes(self) -> bytes:
        """The key of the message."""
        return self.name.encode()

    @property
    def value(self) -> bytes:
        """The event as it came, or its beginning where `value_cut` says so."""
        return base64.b64decode(self.value_base64)


class DeadLetterLoop:
    """Reads all topics, writes what is refused. One process does it; whoever starts later stands in for it."""

    def __init__(self, cluster: KafkaSettings, report: Report) -> None:
        self._cluster = cluster
        self._report = report
        self._log = Log(cluster, TOPICS)
        self._contracts = Contracts(cluster)
        self._away = Backoff()
        # What the last committed transaction had seen.
        self._looked_at: dict[TopicPartition, int] = {}
        # Letters that were there before there was any progress.
        self._written: frozenset[str] = frozenset()
        self._read = 0
        self._lag = 0
        # What is left is under a contract that only a newer program knows.
        self._needs_upgrade = False

    async def run(self, *, until_caught_up: bool, stopping: asyncio.Event) -> None:
        """Go on until told to stop, or until everything committed has been looked at.

        Raises:
            StreamHalted: events are gone unseen, or a topic was recreated.
            LogUnavailable: Kafka stayed away for too long.
        """
        self._say("joining")
        work = self._look_through
        try:
            while not stopping.is_set():
                try:
                    if await work(until_caught_up, stopping):
                        return
                    work = self._look_through
                except _FencedError:
                    work = self._stand_by
                except LogUnavailable:
                    pause_s = self._away.pause_s()
                    if pause_s is None:
                        raise
                    self._say("waiting")
                    await first(pause_s, stopping)
        finally:
            await self._log.close()
            if stopping.is_set():
                self._say("stopped")

    async def _look_through(self, until_caught_up: bool, stopping: asyncio.Event) -> bool:
        """Do the work; True when it is done, or to be stopped."""
        async with self._clients() as (consumer, producer):
            while not stopping.is_set():
                caught_up = await self._in_time(self._step(consumer, producer))
                self._away.reset()
                if self._needs_upgrade and until_caught_up:
                    raise self._contracts.newer
                self._say("caught up" if caught_up else "upgrade" if self._needs_upgrade else "streaming")
                if caught_up and until_caught_up:
                    break
        return True

    async def _stand_by(self, until_caught_up: bool, stopping: asyncio.Event) -> bool:
        """Watch the one who has taken over; False when nothing moves, and the work is to be taken back."""
        before, moved_at = -1, time.monotonic()
        async with self._consumer() as consumer:
            while not stopping.is_set():
                looked_at = await self._progress() or {}
                ends = await self._log.ends(consumer)
                self._lag = sum(max(0, end - looked_at.get(partition, 0)) for partition, end in ends.items())
                self._say("caught up" if self._lag == 0 else "standby")
                if self._lag == 0 and until_caught_up:
                    break
                if (now := sum(looked_at.values())) != before or self._lag == 0:
                    before, moved_at = now, time.monotonic()
                elif time.monotonic() - moved_at > STANDBY_S:
                    return False
                await first(STANDBY_LOOK_S, stopping)
        return True

    async def _step(self, consumer: Any, producer: Any) -> bool:  # noqa: ANN401 - aiokafka is untyped
        """Look at what there is, in one transaction; True when nothing is left to look at."""
        async with kafka.answering(self._cluster):
            polled = await consumer.getmany(timeout_ms=POLL_MS, max_records=MAX_RECORDS)
            await self._contracts.see(polled.values())
            limits = self._contracts.limits(self._log.partitions())
            reached = {p: await consumer.position(KafkaPartition(*p)) for p in self._log.partitions()}
            for partition, limit in limits.items():
                self._stay_below(consumer, partition, limit, polled, reached)
            # Also where only markers were passed: who stands by sees by the offsets whether there is something to do.
            moved = {p: offset for p, offset in reached.items() if offset > self._looked_at[p]}
            if moved:
                await self._log.refuse_recreated()
                counts = {topic: topic_id.partitions for topic, topic_id in self._log.ids.items()}
                known = self._contracts.history
                letters = [
                    letter
                    for tp, found in polled.items()
                    for letter in letters_of(found, known, counts[tp.topic])
                    if letter.name not in self._written
                ]
                progress = LetterProgress.of(self._log.ids, self._looked_at | moved)
                await _transaction(producer, letters, progress, moved)
                self._looked_at |= moved
                self._read += sum(map(len, polled.values()))
            ends = await self._log.ends(consumer)
        self._lag = sum(max(0, end - reached[partition]) for partition, end in ends.items())
        self._needs_upgrade = bool(self._lag) and all(
            reached[p] >= min(end, limits.get(p, end)) for p, end in ends.items()
        )
        return self._lag == 0

    def _stay_below(
        self,
        consumer: Any,  # noqa: ANN401 - aiokafka is untyped
        partition: TopicPartition,
        limit: int,
        polled: dict[Any, Any],
        reached: dict[TopicPartition, int],
    ) -> None:
        """Leave what is under a newer contract to a newer program."""
        if reached[partition] > limit:
            tp = KafkaPartition(*partition)
            stay = max(limit, self._looked_at[partition])
            polled[tp] = [record for record in polled.get(tp, ()) if record.offset < limit]
            consumer.pause(tp)
            consumer.seek(tp, stay)
            reached[partition] = stay

    async def _in_time(self, step: Coroutine[Any, Any, T]) -> T:
        """A step that takes long waits for Kafka, whose client would wait for ever."""
        running = asyncio.ensure_future(step)
        try:
            for _ in range(STEP_LOOKS):
                done, _ = await asyncio.wait({running}, timeout=STEP_LOOK_S)
                if done:
                    return running.result()
                self._say("waiting")
        finally:
            running.cancel()
        raise LogUnavailable(f"Kafka did not do a step within {STEP_LOOKS * STEP_LOOK_S:.0f} s")

    @contextlib.asynccontextmanager
    async def _clients(self) -> AsyncIterator[tuple[Any, Any]]:
        """A consumer that stands where the last transaction ended, and a producer that nobody else is.

        A transaction that was left open, by a killed predecessor or by us, ends before the offsets are read.
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
                self._looked_at = begins | (progress or {})
                # Without progress, as after an upgrade from a release that kept none, the letters say what is done.
                self._written = await self._letters() if progress is None else frozenset()
                await self._log.refuse_gaps(consumer, self._looked_at)
                await self._contracts.refresh()
                for partition, offset in self._looked_at.items():
                    consumer.seek(KafkaPartition(*partition), offset)
                yield consumer, producer
        finally:
            await kafka.stop(producer)

    @contextlib.asynccontextmanager
    async def _consumer(self) -> AsyncIterator[Any]:
        # By hand, not by group: this step is one process, and a killed one must not be waited for.
        await self._log.learn()
        consumer = kafka.consumer(self._cluster, group=GROUP)
        try:
            await self._in_time(_started(self._cluster, consumer))
            consumer.assign([KafkaPartition(*partition) for partition in self._log.partitions()])
            yield consumer
        finally:
            await kafka.stop(consumer)

    async def _progress(self) -> dict[TopicPartition, int] | None:
        """How far the last committed transaction got; None where there was none."""
        found = await letter_progress.read(self._cluster)
        return None if found is None else found.positions(self._log.ids)

    async def _letters(self) -> frozenset[str]:
        """The names of all letters that there are."""
        names: set[str] = set()
        async for records in kafka.committed_records(self._cluster, DEAD_LETTERS):
            names |= {record.key.decode(errors="replace") for record in records if record.key}
        return frozenset(names)

    def _say(self, state: str) -> None:
        reason = "kafka"
        if state == "upgrade":
            state, reason = "waiting", f"an upgrade: {self._contracts.newer.message}"
        self._report(Progress(self._read, self._lag, state, waiting_for=reason if state == "waiting" else ""))


class _FencedError(Exception):
    """Another process has taken the work over, or Kafka ended a transaction that lasted too long."""


async def _started(cluster: KafkaSettings, client: Any) -> None:  # noqa: ANN401 - aiokafka is untyped
    async with kafka.answering(cluster):
        await client.start()


async def _transaction(
    producer: Any,  # noqa: ANN401
    letters: Sequence[DeadLetter],
    progress: LetterProgress,
    moved: Mapping[TopicPartition, int],
) -> None:
    """Letters and progress, both or neither.

    It is not aborted when it fails: that would wait for a broker that may be away, and the next producer's start does
    it. Whether a commit whose answer was lost happened is seen in the progress.
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
    except (ProducerFenced, IllegalOperation) as error:  # the second, when it was fenced between two sends
        raise _FencedError from error


def letters_of(records: Sequence[ConsumerRecord[Any, Any]], known: History, partition_count: int) -> list[DeadLetter]:
    """Dead letters for the records of one partition, in order of offset, that are not valid. Pure.

    Args:
        records: of one partition, below the limit of what `known` can read.
        known: the contract in force at each.
        partition_count: of the topic.
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


def _beginning(whole: bytes, limit: int) -> tuple[bytes, Cut | None]:
    cut = Cut(len(whole), hashlib.sha256(whole).hexdigest()) if len(whole) > limit else None
    return whole[:limit], cut


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
