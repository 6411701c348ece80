"""One sink's loop: read, fold, apply, again. Decides when to retry, when to take over and when to stop."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from shoplake.backoff import Backoff, jittered
from shoplake.errors import Backpressure, BeingRebuilt, Fenced, LogUnavailable, Misplaced, StoreUnavailable
from shoplake.sinks.base import Batch, OffsetRange
from shoplake.streaming.breaker import Breaker
from shoplake.streaming.control_records import KEPT_S, Tail
from shoplake.streaming.interruptible_wait import first
from shoplake.streaming.prefetch import Fetched, ReadAhead
from shoplake.streaming.worker_reports import Progress, Report
from shoplake.topic_identity import TopicId, refuse_recreated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shoplake.sinks.base import Epoch, Sink, TopicPartition
    from shoplake.streaming.reader import LogReader

# A sink's own time-outs are shorter; this one is for a store that none of them notices.
CALL_TIMEOUT_S = 180.0
# Whoever fenced us is in the same consumer group, which tells us within its session time-out.
REBALANCE_WAIT_S = 30.0
# How often in a row a place is taken again that the group says is ours: more would be a fight with somebody outside.
RECLAIMS = 5
REPORT_EVERY_S = 0.5
# Who has nothing to write would never hear that the store came back empty: it is asked this often.
STORE_LOOK_S = 20.0
# A rebuild that was stopped and is forgotten holds its store for ever; a large one holds it for hours.
REBUILD_LIMIT_S = 6 * 3600.0
IDLE_S = 0.05
T = TypeVar("T")


class SinkLoop:
    """Carries events from the log into one store; while one batch goes into it, the next one is read."""

    def __init__(
        self,
        sink: Sink,
        reader: LogReader,
        report: Report,
        *,
        report_every_s: float = REPORT_EVERY_S,
        tail_kept_s: float = KEPT_S,
    ) -> None:
        self._sink = sink
        self._reader = reader
        self._report = report
        self._report_every_s = report_every_s
        self._breaker = Breaker()
        self._asked_to_wait = Backoff()
        self._being_rebuilt = Backoff(REBUILD_LIMIT_S)
        self._held = Backoff()
        self._log_away = Backoff()
        self._tail = Tail(tail_kept_s)
        self._ahead = ReadAhead(reader)
        self._owner: Mapping[TopicPartition, Epoch] = {}
        # What went into the store, or holds nothing that could.
        self._done: dict[TopicPartition, int] = {}
        self._noted: dict[TopicPartition, int] = {}
        # Records that were read since.
        self._read: Counter[TopicPartition] = Counter()
        self._generation = 0
        self._reclaims = 0
        self._said = Progress()
        self._reported_at = 0.0
        self._store_seen_at = 0.0

    async def run(self, *, until_caught_up: bool, stopping: asyncio.Event) -> None:
        """Stream until told to stop, or until everything committed at the last look is in the store.

        Raises:
            StreamHalted: going on would lose or repeat events.
            LogUnavailable: Kafka stayed away for too long.
            StoreUnavailable: the store stayed away for too long.
            Fenced: somebody who is not in our group keeps taking our partitions.
        """
        self._say("joining")
        try:
            await self._persistently(self._sink.prepare, stopping)
            while not stopping.is_set() and not await self._while_kafka_answers(self._start, stopping):
                pass
            while not stopping.is_set():
                caught_up = await self._while_kafka_answers(lambda: self._step(until_caught_up, stopping), stopping)
                if caught_up and until_caught_up:
                    break
        except _InterruptedError:
            pass
        finally:
            if stopping.is_set():
                self._say("stopping")
            await self._ahead.drop()
            await self._reader.stop()
            await self._sink.close()
            if stopping.is_set():
                self._say("stopped")

    async def _start(self) -> bool:
        await self._reader.start()
        return True

    async def _while_kafka_answers(self, call: Callable[[], Awaitable[bool]], stopping: asyncio.Event) -> bool:
        """What the call says; False when Kafka is away, after a pause."""
        try:
            return await call()
        except LogUnavailable:
            pause_s = self._log_away.pause_s()
            if pause_s is None:
                raise
            self._say("waiting", waiting_for="kafka")
            await first(pause_s, stopping)
            return False

    async def _step(self, until_caught_up: bool, stopping: asyncio.Event) -> bool:
        """Read and apply one batch; True when nothing committed is left to read."""
        if self._reader.revoked.is_set():
            await asyncio.sleep(IDLE_S)  # the group is sharing out the partitions
            return False
        try:
            if self._generation != self._reader.generation:
                await self._take_over(stopping)
                return False
            fetched = await self._ahead.next()
            if fetched is None:
                return False
            if fetched.batch.ranges:
                self._log_away.reset()
            self._read.update({p: n for p, n in fetched.records.items() if p in fetched.batch.ranges})
            await self._settle(self._tail.join(fetched.batch), fetched.generation, stopping)
            if self._tail.due:
                await self._settle(self._tail.batch(), fetched.generation, stopping)
            return await self._look(fetched, until_caught_up, stopping)
        except (Fenced, Misplaced) as reason:
            await self._reclaim(reason, stopping)
        except _InterruptedError:
            if stopping.is_set():
                raise  # else the partitions are being shared out anew, and the store knows how far it is
        return False

    async def _take_over(self, stopping: asyncio.Event) -> None:
        """Raise the epochs of what is ours now, and go to where the store stands."""
        await self._ahead.drop()
        self._tail.clear()
        self._read.clear()
        self._owner, self._done = {}, {}
        async with self._reader.busy:
            generation = self._reader.generation
            mine = self._reader.assignment()
            if self._reader.revoked.is_set():
                return
            await self._refuse_other_topics(stopping)
            opened = await self._persistently(lambda: self._sink.open(mine), stopping) if mine else {}
            self._done = {partition: checkpoint.next_offset for partition, checkpoint in opened.items()}
            await self._reader.seek(self._done)
            self._owner = {partition: checkpoint.epoch for partition, checkpoint in opened.items()}
            self._generation = generation
        await self._reader.note_offsets(self._done)
        await self._say_where_it_stands()

    async def _say_where_it_stands(self) -> None:
        """Before the first batch, which may take long to read: with how much is ahead."""
        if not self._owner:
            return
        ends = await self._reader.ends()
        self._say("streaming", lag=sum(max(0, ends[partition] - done) for partition, done in self._done.items()))

    async def _refuse_other_topics(self, stopping: asyncio.Event) -> None:
        ours = {topic: str(known) for topic, known in self._reader.topics.items()}
        known = await self._persistently(lambda: self._sink.identify(ours), stopping)
        refuse_recreated(self._sink.name, {t: TopicId.parse(text) for t, text in known.items()}, self._reader.topics)

    async def _settle(self, batch: Batch, generation: int, stopping: asyncio.Event) -> None:
        """Bring a batch into the store, in parts where the sink asks for it; the next one is read meanwhile."""
        if not batch.ranges:
            return
        held: set[TopicPartition] = set()
        for part in self._sink.split(batch):
            wanted = part.without(held) if held else part
            if not wanted.ranges:
                continue
            done = await self._settle_part(wanted, generation, stopping)
            if done is None:
                return
            held |= wanted.ranges.keys() - done.ranges.keys()
            self._say_how_far(done)

    async def _settle_part(self, part: Batch, generation: int, stopping: asyncio.Event) -> Batch | None:
        """What of a part went into the store; None where the partitions are being shared out."""
        async with self._reader.busy:
            if self._reader.revoked.is_set() or generation != self._reader.generation:
                return None
            self._ahead.begin()
            try:
                await self._persistently(lambda: self._sink.apply(part, self._owner), stopping)
                self._held.reset()
            except Backpressure as asked:
                part = await self._hold(part, asked)
            moved = {partition: read.stop for partition, read in part.ranges.items()}
            self._done |= moved
            self._tail.drop(moved)
            self._reclaims = 0
            self._store_seen_at = time.monotonic()
            applied = self._said.applied + self._take_read(part)
            self._said = replace(self._said, applied=applied, batch=len(part), batches=self._said.batches + 1)
        await self._reader.note_offsets(moved)
        return part

    def _take_read(self, part: Batch) -> int:
        """Records that were read for a part, which are no longer waiting."""
        taken = 0
        for partition, (start, stop) in part.ranges.items():
            count = min(self._read[partition], stop - start)  # offsets have gaps, so the last part takes what is left
            self._read[partition] -= count
            taken += count
        return taken

    def _say_how_far(self, done: Batch) -> None:
        moved = sum(stop - start for start, stop in done.ranges.values())
        self._said = replace(self._said, lag=max(0, self._said.lag - moved))
        if self._said.lag and time.monotonic() - self._reported_at >= self._report_every_s:
            self._say("streaming")

    async def _hold(self, batch: Batch, asked: Backpressure) -> Batch:
        """Leave the partitions of a slow part of the store alone, to read them again later; what of the batch is done.

        Raises:
            StoreUnavailable: it has been slow for too long.
        """
        if self._held.pause_s() is None:
            raise StoreUnavailable(f"{self._sink.name} asks to wait for ever: {asked}") from asked
        starts = {partition: read.start for partition, read in batch.ranges.items() if partition in asked.partitions}
        await self._ahead.strip(starts)
        self._reader.hold(starts, jittered(asked.retry_after_s))
        self._tail.drop(starts)
        for partition in starts:
            del self._read[partition]
        return batch.without(starts)

    async def _persistently(self, call: Callable[[], Awaitable[T]], stopping: asyncio.Event) -> T:
        """Call until the store answers: safe for all that a sink offers, since it reads back what it may have done."""
        while True:
            try:
                if self._breaker.state == "half-open":
                    await _in_time(self._sink.checkpoints(list(self._owner)))
                answer = await _in_time(call())
            except Backpressure as asked:
                if asked.partitions:
                    self._breaker.succeeded()
                    raise
                patience = self._being_rebuilt if isinstance(asked, BeingRebuilt) else self._asked_to_wait
                if patience.pause_s() is None:
                    raise StoreUnavailable(f"{self._sink.name} asks to wait for ever: {asked}") from asked
                pause_s = jittered(asked.retry_after_s)
            except StoreUnavailable:
                away_s = self._breaker.failed()
                if away_s is None:
                    raise
                pause_s = away_s
            else:
                self._breaker.succeeded()
                self._asked_to_wait.reset()
                self._being_rebuilt.reset()
                return answer
            self._say("waiting", waiting_for=self._sink.name, retries=self._said.retries + 1)
            await self._rest(pause_s, stopping)
            self._breaker.rested()

    async def _rest(self, pause_s: float, stopping: asyncio.Event) -> None:
        """Leave the store alone; nothing is fetched, and the group still hears of us.

        Raises:
            _InterruptedError: told to stop, or to give the partitions back.
        """
        joined = not self._reader.revoked.is_set()
        if joined:
            self._reader.pause()
        ends_at = time.monotonic() + pause_s
        while (left_s := ends_at - time.monotonic()) > 0:
            if joined:
                await self._reader.stay()
            await first(min(1.0, left_s), stopping, *([self._reader.revoked] if joined else []))
            if stopping.is_set() or (joined and self._reader.revoked.is_set()):
                raise _InterruptedError
        if joined:
            self._reader.resume()

    async def _reclaim(self, reason: Fenced | Misplaced, stopping: asyncio.Event) -> None:
        """The store says that another has our place. If the group does not say so, it is still ours: take it again.

        A newer owner was given the partitions by the group, which from then on takes no offsets from us. A store that
        was emptied, or went back to an older state, has forgotten our epoch, and is filled from where it stands.
        """
        generation, self._generation = self._generation, -1
        ends_at = time.monotonic() + REBALANCE_WAIT_S
        while not await self._reader.note_offsets(self._done):
            if self._reader.revoked.is_set() or generation != self._reader.generation or stopping.is_set():
                return
            if time.monotonic() > ends_at:
                raise reason
            await first(0.2, stopping, self._reader.revoked)
        self._reclaims += 1
        if self._reclaims > RECLAIMS:
            raise reason

    async def _look(self, fetched: Fetched, until_caught_up: bool, stopping: asyncio.Event) -> bool:
        """Compare with the end of the log when the last read was short, or a report is due."""
        if len(fetched.batch) and time.monotonic() - self._reported_at < self._report_every_s:
            return False
        ends = await self._reader.ends()
        self._log_away.reset()
        if self._reader.revoked.is_set() or fetched.generation != self._reader.generation:
            return False  # we stand nowhere: a lag of nothing means nothing
        reached = self._done | {partition: read.stop for partition, read in self._tail.batch().ranges.items()}
        lag = sum(max(0, ends[partition] - reached[partition]) for partition in self._owner)
        caught_up = "caught up" if self._owner else "standby"  # who has no share knows nothing of the store
        limits = self._reader.limits
        if lag and all(reached[p] >= min(ends[p], limits.get(p, ends[p])) for p in self._owner):
            return await self._wait_for_upgrade(fetched, lag, until_caught_up, stopping)
        self._say(caught_up if lag == 0 else "streaming", lag=lag)
        if lag:
            return False
        if reached != self._noted:
            self._noted = reached
            await self._reader.note_offsets(reached)  # what is left holds nothing that could go into the store
        await self._refuse_moved_store(stopping)
        if not until_caught_up:
            return False
        await self._settle(self._tail.batch(), fetched.generation, stopping)
        return not self._tail and await self._others_caught_up(ends, stopping)

    async def _wait_for_upgrade(
        self, fetched: Fetched, lag: int, until_caught_up: bool, stopping: asyncio.Event
    ) -> bool:
        """What is left is under a contract that only a newer program knows: say so, and decide nothing.

        Raises:
            NewerContract: nobody wants to wait for it.
        """
        error = self._reader.newer_contract
        self._say("waiting", waiting_for=f"an upgrade: {error.message}", lag=lag)
        if until_caught_up:
            await self._settle(self._tail.batch(), fetched.generation, stopping)
            if not self._tail:
                raise error
        return False

    async def _refuse_moved_store(self, stopping: asyncio.Event) -> None:
        """Look at an idle store now and then: one that was emptied, or went back, has to be filled again.

        Raises:
            Fenced, Misplaced: as a batch would be.
        """
        if not self._owner or time.monotonic() - self._store_seen_at < STORE_LOOK_S:
            return
        found = await self._persistently(lambda: self._sink.checkpoints(list(self._owner)), stopping)
        self._store_seen_at = time.monotonic()
        Batch({}, {p: OffsetRange(done, done) for p, done in self._done.items()}).fresh(
            self._sink.name, found, self._owner
        )

    async def _others_caught_up(self, ends: Mapping[TopicPartition, int], stopping: asyncio.Event) -> bool:
        """Whether the store has what is not ours: a worker is not done because its few partitions are."""
        others = ends.keys() - self._owner.keys()
        if not any(ends[partition] for partition in others):
            return True
        found = await self._persistently(lambda: self._sink.checkpoints(others), stopping)
        return all(p in found and found[p].next_offset >= ends[p] for p in others if ends[p])

    def _say(self, state: str, *, waiting_for: str = "", lag: int | None = None, retries: int | None = None) -> None:
        self._reported_at = time.monotonic()
        self._said = replace(
            self._said,
            state=state,
            waiting_for=waiting_for,
            lag=self._said.lag if lag is None else lag,
            retries=self._said.retries if retries is None else retries,
            breaker=self._breaker.state,
            held=self._reader.held,
        )
        self._report(self._said)


class _InterruptedError(Exception):
    """Told to stop, or to give the partitions back, while waiting for a store."""


async def _in_time(call: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            return await call
    except TimeoutError as error:
        raise StoreUnavailable(f"the store said nothing for {CALL_TIMEOUT_S:.0f} s") from error
