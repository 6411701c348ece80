"""The consumer loop of one sink: read a batch, apply it, repeat. Handles retries, rebalances and stops."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from shoplake.backoff import Backoff, jittered
from shoplake.errors import Backpressure, BeingRebuilt, Fenced, LogUnavailable, Misplaced, StoreUnavailable
from shoplake.positions import Place, Positions
from shoplake.sinks.base import Batch, OffsetRange
from shoplake.streaming.breaker import Breaker
from shoplake.streaming.control_records import EMPTY_RANGE_DELAY_S, EmptyRanges
from shoplake.streaming.interruptible_wait import wait_for_any
from shoplake.streaming.prefetch import FetchedBatch, Prefetcher
from shoplake.streaming.store_calls import answer_in_time
from shoplake.streaming.unapplied import UnappliedRecords
from shoplake.streaming.worker_reports import Progress, Report
from shoplake.topic_identity import TopicId, refuse_recreated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shoplake.sinks.base import Epoch, Sink, TopicPartition
    from shoplake.streaming.reader import LogReader

# A sink that fenced us is in the same consumer group, so a rebalance follows within the session time-out.
REBALANCE_WAIT_S = 30.0
# How often in a row partitions are opened again that the group still assigns to us. After that, a writer outside the
# group must be opening them too.
MAX_RECLAIMS = 5
REPORT_EVERY_S = 0.5
# An idle sink checks the store this often, because without a write it would not notice that the store was emptied.
STORE_CHECK_S = 20.0
# A rebuild that was stopped and forgotten locks its store for ever; a large rebuild locks it for hours.
REBUILD_LIMIT_S = 6 * 3600.0
IDLE_S = 0.05
T = TypeVar("T")


class SinkLoop:
    """Reads batches from Kafka and applies them to one store; reads the next batch while one is applied."""

    def __init__(
        self,
        sink: Sink,
        reader: LogReader,
        report: Report,
        *,
        report_every_s: float = REPORT_EVERY_S,
        empty_range_delay_s: float = EMPTY_RANGE_DELAY_S,
    ) -> None:
        self._sink = sink
        self._reader = reader
        self._report = report
        self._report_every_s = report_every_s
        self._breaker = Breaker()
        self._wait_backoff = Backoff()
        self._rebuild_backoff = Backoff(REBUILD_LIMIT_S)
        self._hold_backoff = Backoff()
        self._kafka_backoff = Backoff()
        self._empty_ranges = EmptyRanges(empty_range_delay_s)
        self._prefetcher = Prefetcher(reader)
        self._owner: Mapping[TopicPartition, Epoch] = {}
        # The next offset to apply, and the last offset committed to Kafka.
        self._next_offsets: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._unapplied = UnappliedRecords()
        self._generation = 0
        self._reclaims = 0
        self._progress = Progress()
        self._reported_at = 0.0
        self._store_seen_at = 0.0

    async def run(self, *, until_caught_up: bool, stopping: asyncio.Event) -> None:
        """Stream until `stopping` is set, or, with `until_caught_up`, until all committed events are in the store.

        Raises:
            StreamHalted: to continue would lose or repeat events.
            LogUnavailable: Kafka was unavailable for too long.
            StoreUnavailable: the store was unavailable for too long.
            Fenced: a writer outside the consumer group keeps opening our partitions.
        """
        self._report_state("joining")
        try:
            await self._with_retries(self._sink.prepare, stopping)
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
                self._report_state("stopping")
            await self._prefetcher.drop()
            await self._reader.stop()
            await self._sink.close()
            self._report_end(stopping.is_set())

    async def _start(self) -> bool:
        await self._reader.start()
        return True

    async def _while_kafka_answers(self, call: Callable[[], Awaitable[bool]], stopping: asyncio.Event) -> bool:
        """The result of the call; False after a pause if Kafka is unavailable."""
        try:
            return await call()
        except LogUnavailable:
            pause_s = self._kafka_backoff.pause_s()
            if pause_s is None:
                raise
            self._report_state("waiting", waiting_for="kafka")
            await wait_for_any(pause_s, stopping)
            return False

    async def _step(self, until_caught_up: bool, stopping: asyncio.Event) -> bool:
        """Read and apply one batch; True if the sink has caught up."""
        if self._reader.revoked.is_set():
            await asyncio.sleep(IDLE_S)  # a rebalance is in progress
            return False
        try:
            if self._generation != self._reader.generation:
                await self._take_over(stopping)
                return False
            fetched = await self._prefetcher.next()
            if fetched is None:
                return False
            if fetched.batch.ranges:
                self._kafka_backoff.reset()
            self._unapplied.add(fetched.records, fetched.batch.ranges)
            await self._apply(self._empty_ranges.join(fetched.batch), fetched.generation, stopping)
            if self._empty_ranges.due:
                await self._apply(self._empty_ranges.batch(), fetched.generation, stopping)
            return await self._check_caught_up(fetched, until_caught_up, stopping)
        except (Fenced, Misplaced) as reason:
            await self._reclaim(reason, stopping)
        except _InterruptedError:
            if stopping.is_set():
                raise  # otherwise a rebalance has started, and the store's checkpoints tell where to continue
        return False

    async def _take_over(self, stopping: asyncio.Event) -> None:
        """Open the assigned partitions, which raises their epochs, and seek to the store's checkpoints."""
        await self._prefetcher.drop()
        self._empty_ranges.clear()
        self._unapplied.clear()
        self._owner, self._next_offsets = {}, {}
        async with self._reader.busy:
            generation = self._reader.generation
            mine = self._reader.assignment()
            if self._reader.revoked.is_set():
                return
            await self._check_topics(stopping)
            opened = await self._with_retries(lambda: self._sink.open(mine), stopping) if mine else {}
            self._next_offsets = {partition: checkpoint.next_offset for partition, checkpoint in opened.items()}
            await self._reader.seek(self._next_offsets)
            self._owner = {partition: checkpoint.epoch for partition, checkpoint in opened.items()}
            self._generation = generation
        await self._reader.commit_offsets(self._next_offsets)
        await self._report_start()

    async def _report_start(self) -> None:
        """Report the lag before the first batch, which may take long to read."""
        if not self._owner:
            return
        ends = await self._reader.ends()
        self._report_state(
            "streaming", lag=sum(max(0, ends[partition] - done) for partition, done in self._next_offsets.items())
        )

    async def _check_topics(self, stopping: asyncio.Event) -> None:
        ours = {topic: str(known) for topic, known in self._reader.topics.items()}
        known = await self._with_retries(lambda: self._sink.identify(ours), stopping)
        refuse_recreated(self._sink.name, {t: TopicId.parse(text) for t, text in known.items()}, self._reader.topics)

    async def _apply(self, batch: Batch, generation: int, stopping: asyncio.Event) -> None:
        """Apply a batch, in the parts into which the sink splits it; the next batch is read meanwhile."""
        if not batch.ranges:
            return
        held: set[TopicPartition] = set()
        for part in self._sink.split(batch):
            wanted = part.without(held) if held else part
            if not wanted.ranges:
                continue
            done = await self._apply_part(wanted, generation, stopping)
            if done is None:
                return
            held |= wanted.ranges.keys() - done.ranges.keys()
            self._report_applied(done)

    async def _apply_part(self, part: Batch, generation: int, stopping: asyncio.Event) -> Batch | None:
        """Apply one part and return what was applied of it; None during a rebalance."""
        async with self._reader.busy:
            if self._reader.revoked.is_set() or generation != self._reader.generation:
                return None
            self._prefetcher.begin()
            try:
                await self._with_retries(lambda: self._sink.apply(part, self._owner), stopping)
                self._hold_backoff.reset()
            except Backpressure as asked:
                part = await self._hold(part, asked)
            moved = {partition: read.stop for partition, read in part.ranges.items()}
            self._next_offsets |= moved
            self._empty_ranges.drop(moved)
            self._reclaims = 0
            self._store_seen_at = time.monotonic()
            applied = self._progress.applied + self._unapplied.take(part.ranges)
            self._progress = replace(
                self._progress, applied=applied, batch=len(part), batches=self._progress.batches + 1
            )
        await self._reader.commit_offsets(moved)
        return part

    def _report_applied(self, done: Batch) -> None:
        moved = sum(stop - start for start, stop in done.ranges.values())
        self._progress = replace(self._progress, lag=max(0, self._progress.lag - moved))
        if self._progress.lag and time.monotonic() - self._reported_at >= self._report_every_s:
            self._report_state("streaming")

    async def _hold(self, batch: Batch, asked: Backpressure) -> Batch:
        """Pause the partitions that the store cannot take now, and rewind them; returns the applied part of the batch.

        Raises:
            StoreUnavailable: the store has asked to wait for too long.
        """
        if self._hold_backoff.pause_s() is None:
            raise StoreUnavailable(f"{self._sink.name} keeps asking to wait: {asked}") from asked
        starts = {partition: read.start for partition, read in batch.ranges.items() if partition in asked.partitions}
        await self._prefetcher.strip(starts)
        self._reader.hold(starts, jittered(asked.retry_after_s))
        self._empty_ranges.drop(starts)
        self._unapplied.forget(starts)
        return batch.without(starts)

    async def _with_retries(self, call: Callable[[], Awaitable[T]], stopping: asyncio.Event) -> T:
        """Call until the store answers. Every method of a sink can be repeated, because it reads its state first."""
        while True:
            try:
                if self._breaker.state == "half-open":
                    await answer_in_time(self._sink.checkpoints(list(self._owner)))
                answer = await answer_in_time(call())
            except Backpressure as asked:
                if asked.partitions:
                    self._breaker.succeeded()
                    raise
                backoff = self._rebuild_backoff if isinstance(asked, BeingRebuilt) else self._wait_backoff
                if backoff.pause_s() is None:
                    raise StoreUnavailable(f"{self._sink.name} keeps asking to wait: {asked}") from asked
                pause_s = jittered(asked.retry_after_s)
            except StoreUnavailable:
                breaker_s = self._breaker.failed()
                if breaker_s is None:
                    raise
                pause_s = breaker_s
            else:
                self._breaker.succeeded()
                self._wait_backoff.reset()
                self._rebuild_backoff.reset()
                return answer
            self._report_state("waiting", waiting_for=self._sink.name, retries=self._progress.retries + 1)
            await self._pause(pause_s, stopping)
            self._breaker.rested()

    async def _pause(self, pause_s: float, stopping: asyncio.Event) -> None:
        """Wait without calling the store. Nothing is fetched, but the consumer stays in its group.

        Raises:
            _InterruptedError: a stop was requested, or a rebalance has started.
        """
        joined = not self._reader.revoked.is_set()
        if joined:
            self._reader.pause()
        ends_at = time.monotonic() + pause_s
        while (left_s := ends_at - time.monotonic()) > 0:
            if joined:
                await self._reader.keep_alive()
            await wait_for_any(min(1.0, left_s), stopping, *([self._reader.revoked] if joined else []))
            if stopping.is_set() or (joined and self._reader.revoked.is_set()):
                raise _InterruptedError
        if joined:
            self._reader.resume()

    async def _reclaim(self, reason: Fenced | Misplaced, stopping: asyncio.Event) -> None:
        """Decide what to do after the store has fenced us: open the partitions again if the group still assigns them.

        If the group has assigned the partitions to a newer owner, Kafka refuses our offset commits, and a rebalance
        follows. Otherwise the store was emptied or restored to an older state and has lost our epoch; then the
        partitions are opened again, and the sink continues from the store's checkpoints.
        """
        generation, self._generation = self._generation, -1
        ends_at = time.monotonic() + REBALANCE_WAIT_S
        while not await self._reader.commit_offsets(self._next_offsets):
            if self._reader.revoked.is_set() or generation != self._reader.generation or stopping.is_set():
                return
            if time.monotonic() > ends_at:
                raise reason
            await wait_for_any(0.2, stopping, self._reader.revoked)
        self._reclaims += 1
        if self._reclaims > MAX_RECLAIMS:
            raise reason

    async def _check_caught_up(self, fetched: FetchedBatch, until_caught_up: bool, stopping: asyncio.Event) -> bool:
        """Compare with the end of the log if the last read was empty, or a report is due; True if caught up."""
        if len(fetched.batch) and time.monotonic() - self._reported_at < self._report_every_s:
            return False
        ends = await self._reader.ends()
        self._kafka_backoff.reset()
        if self._reader.revoked.is_set() or fetched.generation != self._reader.generation:
            return False  # no partitions are assigned, so a lag of 0 would be wrong
        reached = self._next_offsets | {
            partition: read.stop for partition, read in self._empty_ranges.batch().ranges.items()
        }
        lag = sum(max(0, ends[partition] - reached[partition]) for partition in self._owner)
        caught_up = "caught up" if self._owner else "standby"  # without partitions we know nothing of the store
        limits = self._reader.limits
        if lag and all(reached[p] >= min(ends[p], limits.get(p, ends[p])) for p in self._owner):
            return await self._wait_for_upgrade(fetched, lag, until_caught_up, stopping)
        self._report_state(caught_up if lag == 0 else "streaming", lag=lag)
        if lag:
            return False
        if reached != self._committed:
            self._committed = reached
            await self._reader.commit_offsets(reached)  # the remaining offsets hold no events
        await self._check_store(stopping)
        if not until_caught_up:
            return False
        await self._apply(self._empty_ranges.batch(), fetched.generation, stopping)
        return not self._empty_ranges and await self._others_caught_up(ends, stopping)

    async def _wait_for_upgrade(
        self, fetched: FetchedBatch, lag: int, until_caught_up: bool, stopping: asyncio.Event
    ) -> bool:
        """Report that the remaining records have a newer contract, which only a newer release can read.

        Raises:
            NewerContract: with `until_caught_up`, which does not wait for an upgrade.
        """
        error = self._reader.newer_contract
        self._report_state("waiting", waiting_for=f"an upgrade: {error.message}", lag=lag)
        if until_caught_up:
            await self._apply(self._empty_ranges.batch(), fetched.generation, stopping)
            if not self._empty_ranges:
                raise error
        return False

    async def _check_store(self, stopping: asyncio.Event) -> None:
        """Check the checkpoints of an idle store: a store that was emptied or restored has to be filled again.

        Raises:
            Fenced, Misplaced: the store's checkpoints are not ours, or are lower.
        """
        if not self._owner or time.monotonic() - self._store_seen_at < STORE_CHECK_S:
            return
        found = await self._with_retries(lambda: self._sink.checkpoints(list(self._owner)), stopping)
        self._store_seen_at = time.monotonic()
        Batch({}, {p: OffsetRange(done, done) for p, done in self._next_offsets.items()}).fresh(
            self._sink.name, found, self._owner
        )

    async def _others_caught_up(self, ends: Mapping[TopicPartition, int], stopping: asyncio.Event) -> bool:
        """Whether the partitions of other workers are in the store too: a worker ends when the whole sink is done."""
        others = ends.keys() - self._owner.keys()
        if not any(ends[partition] for partition in others):
            return True
        found = await self._with_retries(lambda: self._sink.checkpoints(others), stopping)
        return all(p in found and found[p].next_offset >= ends[p] for p in others if ends[p])

    def _report_state(
        self, state: str, *, waiting_for: str = "", lag: int | None = None, retries: int | None = None
    ) -> None:
        self._reported_at = time.monotonic()
        self._progress = replace(
            self._progress,
            state=state,
            waiting_for=waiting_for,
            lag=self._progress.lag if lag is None else lag,
            retries=self._progress.retries if retries is None else retries,
            breaker=self._breaker.state,
            held=self._reader.held,
        )
        self._report(self._progress)

    def _report_end(self, stopped: bool) -> None:
        read = Positions({Place(p.topic, p.partition): offset for p, offset in self._next_offsets.items()})
        self._progress = replace(self._progress, positions=read.as_json())
        if stopped:
            self._report_state("stopped")
        else:
            self._report(self._progress)


class _InterruptedError(Exception):
    """A stop was requested, or a rebalance has started, while waiting for a store."""
