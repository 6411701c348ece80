"""Reads the next batch while one goes into the store: one and no more, so that a slow store fills no memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from shoplake.sinks.base import Batch, TopicPartition
    from shoplake.streaming.reader import LogReader


class Fetched(NamedTuple):
    """What was read at once.

    Attributes:
        batch: the events that are any.
        records: how many records there were, events or not.
        generation: in which share of the partitions they were read.
    """

    batch: Batch
    records: Mapping[TopicPartition, int]
    generation: int


class ReadAhead:
    """A queue of one place between the log and the store."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._reading: asyncio.Task[Fetched | None] | None = None
        self._read: Fetched | None = None

    def begin(self) -> None:
        """Read in the background, where nothing is read or waiting yet."""
        if self._reading is None and self._read is None:
            self._reading = asyncio.create_task(self._fetch())

    async def next(self) -> Fetched | None:
        """The batch that was begun, or a new one; None when the partitions are being shared out.

        Raises:
            StreamHalted: what the reader raised.
        """
        if self._read is not None:
            fetched, self._read = self._read, None
            return fetched
        if self._reading is None:
            return await self._fetch()
        reading, self._reading = self._reading, None
        return await reading

    async def drop(self) -> None:
        """Forget what was read ahead: the reader goes to where the store stands."""
        self._read = None
        if self._reading is not None:
            reading, self._reading = self._reading, None
            reading.cancel()
            await asyncio.wait({reading})
            if not reading.cancelled():
                reading.exception()  # nobody wants to know any more

    async def strip(self, partitions: Iterable[TopicPartition]) -> None:
        """Take these partitions out of what was read ahead; what is still being read begins anew."""
        reading, self._reading = self._reading, None
        if reading is not None:
            # Not waited for: during a rebalance it would go on until that is over, and that waits for us.
            reading.cancel()
            await asyncio.wait({reading})
            if not reading.cancelled() and reading.exception() is None:  # an error comes again with the next read
                self._read = reading.result()
        if self._read is not None:
            batch = self._read.batch.without(partitions)
            self._read = self._read._replace(batch=batch)

    async def _fetch(self) -> Fetched | None:
        generation = self._reader.generation
        read = await self._reader.read()
        return None if read is None else Fetched(read.batch, read.records, generation)
