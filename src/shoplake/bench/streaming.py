"""Measure one sink from the start of the log into an empty store, and compare it with the store's own client."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from shoplake import sinks
from shoplake.bench import kafka_log
from shoplake.bench.stopwatch import Stopwatch
from shoplake.bench.stores import store as store_of
from shoplake.environments import connect
from shoplake.streaming.loop import SinkLoop
from shoplake.streaming.reader import Limits, LogReader
from shoplake.streaming.worker import LIMITS

if TYPE_CHECKING:
    from shoplake.bench.results import Measure
    from shoplake.sinks.base import Batch, Ownership, Sink, TopicPartition


def limits_of(name: str) -> Limits:
    """How large a sink's batches are."""
    return LIMITS.get(name, Limits())


def stream(name: str, events: int) -> Measure:
    """From when the sink stands at its first offset until its last batch is in the store."""
    del events  # those of the log
    return asyncio.run(_stream(name))


def bare(name: str, events: int) -> Measure:
    """Write what the same batches come to with the store's own client; reading and folding come before the clock."""
    del events
    return asyncio.run(_bare(name))


async def _bare(name: str) -> Measure:
    settings = connect()
    topics = sinks.make(name, settings).topics
    batches = await kafka_log.all_batches(settings.kafka, topics, limits_of(name))
    watch = Stopwatch()
    await store_of(name).write(settings, batches, watch)
    return watch.measure(sum(map(len, batches)))


async def _stream(name: str) -> Measure:
    settings = connect()
    watch = Stopwatch()
    store = sinks.make(name, settings)
    group = f"{settings.kafka.group_prefix}-{name}"
    reader = _Timed(watch, settings.kafka, group, store.topics, limits_of(name))
    applied = _note_batches(store, watch)
    await SinkLoop(store, reader, lambda _: None).run(until_caught_up=True, stopping=asyncio.Event())
    return watch.measure(sum(applied))


class _Timed(LogReader):
    """A reader that starts the clock once it stands where the store does: joining a group takes seconds."""

    def __init__(self, watch: Stopwatch, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]  # those of a reader
        self._watch = watch

    async def seek(self, offsets: Mapping[TopicPartition, int]) -> None:
        """As a reader does."""
        await super().seek(offsets)
        if not self._watch.started:
            self._watch.start()


def _note_batches(store: Sink, watch: Stopwatch) -> list[int]:
    """Stop the clock after each batch, the last of which counts; how many events they had."""
    apply, applied = store.apply, list[int]()

    async def timed(batch: Batch, owner: Ownership) -> None:
        await apply(batch, owner)
        watch.stop()
        applied.append(len(batch))

    store.apply = timed  # type: ignore[method-assign]  # the same sink, with a clock beside it
    return applied
