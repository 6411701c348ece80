"""Prefetch: read the next batch while one is applied. Only one, so a slow store does not fill the memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from shoplake.sinks.base import Batch, TopicPartition
    from shoplake.streaming.reader import LogReader


class FetchedBatch(NamedTuple):
    """A batch that was read, and the generation of the group in which it was read.

    Attributes:
        batch: the valid events.
        records: partition → number of records read, valid or not.
        generation: the reader's `generation` at the time of the read.
    """

    batch: Batch
    records: Mapping[TopicPartition, int]
    generation: int


class Prefetcher:
    """A queue of length one between the reader and the store."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._reading: asyncio.Task[FetchedBatch | None] | None = None
        self._read: FetchedBatch | None = None

    def begin(self) -> None:
        """Start reading a batch in the background, if none is being read or waiting."""
        if self._reading is None and self._read is None:
            self._reading = asyncio.create_task(self._fetch())

    async def next(self) -> FetchedBatch | None:
        """The prefetched batch, or a new one; None during a rebalance.

        Raises:
            StreamHalted, LogUnavailable: from the reader.
        """
        if self._read is not None:
            fetched, self._read = self._read, None
            return fetched
        if self._reading is None:
            return await self._fetch()
        reading, self._reading = self._reading, None
        return await reading

    async def drop(self) -> None:
        """Drop the prefetched batch. The reader then seeks to the store's checkpoints."""
        self._read = None
        if self._reading is not None:
            reading, self._reading = self._reading, None
            reading.cancel()
            await asyncio.wait({reading})
            if not reading.cancelled():
                reading.exception()  # retrieved, so that asyncio does not report it

    async def strip(self, partitions: Iterable[TopicPartition]) -> None:
        """Remove these partitions from the prefetched batch; a read in progress is cancelled."""
        reading, self._reading = self._reading, None
        if reading is not None:
            # Cancelled to avoid a deadlock: during a rebalance the read waits for its end, and the rebalance for us.
            reading.cancel()
            await asyncio.wait({reading})
            if not reading.cancelled() and reading.exception() is None:  # the next read raises the error again
                self._read = reading.result()
        if self._read is not None:
            batch = self._read.batch.without(partitions)
            self._read = self._read._replace(batch=batch)

    async def _fetch(self) -> FetchedBatch | None:
        generation = self._reader.generation
        read = await self._reader.read()
        return None if read is None else FetchedBatch(read.batch, read.records, generation)
