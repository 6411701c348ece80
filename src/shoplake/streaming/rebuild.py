"""Rebuild a store: empty it and fill it again from the log, or from the lake if the log was truncated.

From the log, the rebuild is one more worker of the sink's group: it fences the running workers when it starts; they
open their partitions again and help to fill the store. From the lake, it fills the store alone: other workers wait
until it has reached the end of the lake. The store keeps the checkpoints, so an interrupted rebuild can continue.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from shoplake import sinks
from shoplake.errors import Backpressure, Interrupted, StoreUnavailable, StreamHalted, UnknownName, first_of
from shoplake.sinks.base import Batch, TopicPartition
from shoplake.sinks.rebuildable import RebuildableSink, State
from shoplake.streaming.log_bounds import Bounds, read_bounds
from shoplake.streaming.loop import SinkLoop
from shoplake.streaming.reader import Limits, LogReader
from shoplake.streaming.worker import LIMITS
from shoplake.streaming.worker_reports import Progress
from shoplake.topic_identity import TopicId, refuse_recreated

if TYPE_CHECKING:
    from shoplake.settings import Settings
    from shoplake.sinks.lake.archive import Archive

Source = Literal["auto", "log", "lake"]
SOURCES: tuple[Source, ...] = ("auto", "log", "lake")
REBUILDABLE = ("redis", "dynamodb", "mongo", "postgres")
LOOK_EVERY_S = 0.5
# Short, because the store has to reach the very end of the log, which may hold only transaction markers.
EMPTY_RANGE_DELAY_S = 0.5
# After workers were killed, a rebalance follows within the session time-out. If no offset moves after that, none will.
STALLED_S = 120.0
MAX_WAITS = 12


@dataclass(frozen=True, slots=True)
class Step:
    """The progress of a rebuild.

    Attributes:
        doing: `from the lake` or `from the log`.
        done: number of offsets in the store, over all partitions.
        total: number of offsets to apply.
    """

    doing: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The result of a rebuild.

    Attributes:
        resumed: whether it continued an interrupted rebuild.
        from_lake: number of offsets that came from the lake.
        offsets: number of offsets in the store at the end, over all partitions.
    """

    resumed: bool
    from_lake: int
    offsets: int


Watch = Callable[[Step], None]


async def rebuild(
    settings: Settings,
    name: str,
    *,
    source: Source = "auto",
    restart: bool = False,
    stopping: asyncio.Event | None = None,
    watch: Watch | None = None,
) -> Rebuilt:
    """Empty a store and fill it up to the current end of the log. Sinks and publishers can run meanwhile.

    Args:
        settings: settings of the environment.
        name: one of `REBUILDABLE`.
        source: the log or the lake; `auto` uses the lake for events that the log no longer has.
        restart: start again, even if an interrupted rebuild could be continued.
        stopping: an event that stops the rebuild; the store keeps its progress.
        watch: called with the progress.

    Raises:
        UsageError: there is no such store, or it cannot be rebuilt.
        Interrupted: `stopping` was set; the same command continues.
        StreamHalted: neither the log nor the lake has all events; nothing was emptied.
        Fenced: another process is rebuilding the store.
        StoreUnavailable: the store, the lake or Kafka was unavailable for too long; the same command continues.
    """
    refuse_unknown(name)
    run = _Rebuild(settings, name, stopping or asyncio.Event(), watch or (lambda _: None))
    try:
        return await run.run(source, restart)
    finally:
        await run.close()


class _Rebuild:
    def __init__(self, settings: Settings, name: str, stopping: asyncio.Event, watch: Watch) -> None:
        self._settings = settings
        self._name = name
        self._stopping = stopping
        self._watch = watch
        self._sink = _make(name, settings)

    async def close(self) -> None:
        await self._sink.close()

    async def run(self, source: Source, restart: bool) -> Rebuilt:
        await self._sink.prepare()
        ids, log = await read_bounds(self._settings.kafka, self._sink.topics)
        found = await self._sink.filling()
        resumed = found.state != "whole" and not restart
        starts = await self._reached(log) if resumed else dict.fromkeys(log, 0)
        from_lake = 0
        self._sink.holds = True
        if self._needs_lake(log, starts, source) or (resumed and found.state == "held"):
            archives = await self._archives(ids, log, starts)
            await self._begin(log, "held", resumed)
            await self._check_topics(ids)
            from_lake = await self._fill_from_lake(archives, log)
            await self._sink.note_filling("filling")
        else:
            await self._begin(log, "filling", resumed)
            await self._check_topics(ids)
        offsets = await self._follow_log(log)
        await self._sink.note_filling("whole")
        return Rebuilt(resumed, from_lake, offsets)

    async def _reached(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The next offset of each partition in the current rebuild."""
        wanted = list(partitions)
        found = await self._sink.checkpoints(wanted)
        return {p: found[p].next_offset if p in found else 0 for p in wanted}

    async def _check_topics(self, ids: Mapping[str, TopicId]) -> None:
        """Check that the topics are the ones from which this rebuild was started."""
        noted = await self._sink.identify({topic: str(topic_id) for topic, topic_id in ids.items()})
        refuse_recreated(self._name, {topic: TopicId.parse(text) for topic, text in noted.items()}, ids)

    def _needs_lake(self, log: Bounds, starts: Mapping[TopicPartition, int], source: Source) -> bool:
        lacking = [p for p, bounds in log.items() if starts[p] < bounds.start]
        if lacking and source == "log":
            raise StreamHalted(
                f"the log of {lacking[0]} begins at {log[lacking[0]].start}, and {self._name} needs it from "
                f"{starts[lacking[0]]} on",
                fix=f"`shoplake rebuild {self._name} --from lake`; nothing was emptied",
            )
        return source == "lake" or bool(lacking)

    async def _begin(self, log: Bounds, state: State, resumed: bool) -> None:
        self._refuse_stopped()
        if resumed:
            await self._sink.note_filling(state)
        else:
            await self._sink.begin_filling(log, state)

    async def _archives(
        self, ids: Mapping[str, TopicId], log: Bounds, starts: Mapping[TopicPartition, int]
    ) -> dict[str, Archive]:
        """Open the lake's tables, and check that they come from this log and reach up to its first offset."""
        from shoplake.sinks.lake.archive import Archive  # PyIceberg takes most of a second to import

        archives = {
            topic: await asyncio.to_thread(Archive, self._settings, topic) for topic in sorted(self._sink.topics)
        }
        known = {topic: archive.identity for topic, archive in archives.items() if archive.identity}
        refuse_recreated("lake", {topic: TopicId.parse(text) for topic, text in known.items()}, ids)
        ends = {p: end for archive in archives.values() for p, end in archive.ends().items()}
        for partition, (begin, _) in log.items():
            held = max(ends.get(partition, 0), starts[partition])
            if held < begin:
                raise StreamHalted(
                    f"{partition}: the lake holds events up to offset {held}, and the log begins at {begin}: "
                    "those in between are gone",
                    fix="restore the log or the lake from a backup; nothing was emptied",
                )
        return archives

    async def _fill_from_lake(self, archives: Mapping[str, Archive], log: Bounds) -> int:
        """Fill the store from the lake while other sinks wait; returns the number of offsets."""
        opened = await self._sink.open(log)
        owner = {partition: checkpoint.epoch for partition, checkpoint in opened.items()}
        reached = {partition: checkpoint.next_offset for partition, checkpoint in opened.items()}
        total = sum(max(end, reached[p]) for a in archives.values() for p, end in a.ends().items() if p in reached)
        before = sum(reached.values())
        for topic, archive in archives.items():
            batches = archive.batches({p: offset for p, offset in reached.items() if p.topic == topic})
            async for batch in _in_thread(batches):
                self._refuse_stopped()
                await _with_waits(lambda batch=batch: self._sink.apply(batch, owner))  # type: ignore[misc]
                reached |= {p: read.stop for p, read in batch.ranges.items()}
                self._watch(Step("from the lake", sum(reached.values()), total))
        return sum(reached.values()) - before

    async def _follow_log(self, log: Bounds) -> int:
        """Run as one of the sink's workers, until all of them together have reached the end of the log."""
        done = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._work(done))
                looking = tasks.create_task(self._watch_store({p: bounds.stop for p, bounds in log.items()}, done))
        except ExceptionGroup as group:
            raise first_of(group) from group
        self._refuse_stopped()
        return looking.result()

    async def _work(self, done: asyncio.Event) -> None:
        """Run a worker until `done` is set."""
        reader = self._reader()
        loop = SinkLoop(_make(self._name, self._settings), reader, _ignore, empty_range_delay_s=EMPTY_RANGE_DELAY_S)
        await loop.run(until_caught_up=False, stopping=done)

    async def _watch_store(self, ends: Mapping[TopicPartition, int], done: asyncio.Event) -> int:
        """Set `done` when the store has reached these ends, or a stop was requested."""
        total, best = sum(ends.values()), -1
        moved_at = asyncio.get_running_loop().time()
        try:
            while not self._stopping.is_set():
                reached = await self._reached(ends)
                count = sum(min(reached[p], end) for p, end in ends.items())
                self._watch(Step("from the log", count, total))
                if count == total:
                    return sum(reached.values())
                now = asyncio.get_running_loop().time()
                best, moved_at = (count, now) if count > best else (best, moved_at)
                if now - moved_at > STALLED_S:
                    raise StreamHalted(
                        f"{self._name} has not moved for {STALLED_S:.0f} s, at {count:,} of {total:,} offsets",
                        fix="check the other workers of this sink, then run the same command again: it continues",
                    )
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), LOOK_EVERY_S)
            return 0
        finally:
            done.set()

    def _reader(self) -> LogReader:
        log, limits = self._settings.kafka, LIMITS.get(self._name, Limits())
        return LogReader(log, f"{log.group_prefix}-{self._name}", self._sink.topics, limits)

    def _refuse_stopped(self) -> None:
        if self._stopping.is_set():
            raise Interrupted(
                f"interrupted; {self._name} is partly filled", fix="run the same command again: it continues from there"
            )


def refuse_unknown(name: str) -> None:
    """Raise UnknownName if there is no such store, or it is the lake, from which the others are rebuilt."""
    if name not in REBUILDABLE:
        why = ": the others are rebuilt from it" if name == "lake" else ""
        raise UnknownName(f"'{name}' cannot be rebuilt{why}", fix=f"choose from {', '.join(REBUILDABLE)}")


def _make(name: str, settings: Settings) -> RebuildableSink:
    sink = sinks.make(name, settings)
    assert isinstance(sink, RebuildableSink)  # noqa: S101 - all of REBUILDABLE are
    return sink


async def _in_thread(batches: Iterator[Batch]) -> AsyncIterator[Batch]:
    """Iterate over a blocking iterator in a thread; the next batch is read while the current one is used."""
    coming = asyncio.create_task(asyncio.to_thread(next, batches, None))
    try:
        while (batch := await coming) is not None:
            coming = asyncio.create_task(asyncio.to_thread(next, batches, None))
            yield batch
    finally:
        if not coming.done():  # a thread cannot be stopped, and what it reads is bounded
            await asyncio.wait([coming])


async def _with_waits(apply: Callable[[], Awaitable[None]]) -> None:
    """Repeat a call while the store asks to wait; the call can be repeated even if a part was written."""
    for _ in range(MAX_WAITS):
        try:
            return await apply()
        except Backpressure as asked:
            await asyncio.sleep(asked.retry_after_s)
    raise StoreUnavailable(
        f"the store asked to wait {MAX_WAITS} times in a row", fix="run the same command again later"
    )


def _ignore(progress: Progress) -> None:
    """Ignore the worker's report: progress is read from the store."""
