"""The values that the simulator returns, and the batches of windows that it processes."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from shopsim.core.line_buffers import MemoryFile
from shopsim.engine.arguments import UnknownEvent


@dataclass(frozen=True, slots=True)
class WindowBatch:
    """Consecutive windows that are rendered and encoded together, because each call has a fixed cost.

    Attributes:
        first: number of the first window.
        start_ms: its start, UTC milliseconds since 1970.
        ends_ms: end of each window (excluded), ascending.
    """

    first: int
    start_ms: int
    ends_ms: tuple[int, ...]

    @property
    def last(self) -> int:
        """Number of the last window."""
        return self.first + len(self.ends_ms) - 1


@dataclass(frozen=True, slots=True)
class PublishedBatch:
    """Records published in a batch of windows.

    Attributes:
        rows: rows of all the windows, with the columns of `EncodedWindow.rows`.
        counts: number of rows per window.
        text: the memory that holds all values; None if some values are stored elsewhere.
    """

    rows: pl.DataFrame
    counts: list[int]
    text: MemoryFile | None = None

    def windows(self) -> Iterator[pl.DataFrame]:
        """The rows of each window."""
        starts = itertools.accumulate(self.counts, initial=0)
        return (self.rows.slice(start, count) for start, count in zip(starts, self.counts, strict=False))


@dataclass(frozen=True, slots=True, repr=False)
class Window:
    """All events of some lanes in a window of event time, as columns.

    Attributes:
        index: number of the window, from 0.
        start_ms, end_ms: span of event time, from (included) and to (excluded), UTC milliseconds since 1970.
        frames: event type -> frame with the contract's columns, `lane` (int16) and `seq` (int64, position among
            the lane's events of this window), sorted by (occurred_at_ms, lane, seq). Types without events have an
            empty frame.
    """

    index: int
    start_ms: int
    end_ms: int
    frames: Mapping[str, pl.DataFrame]

    @property
    def batch(self) -> WindowBatch:
        """A batch of this window alone."""
        return WindowBatch(self.index, self.start_ms, (self.end_ms,))

    def __getitem__(self, event_type: str) -> pl.DataFrame:
        try:
            return self.frames[event_type]
        except KeyError:
            raise UnknownEvent(event_type) from None

    def __repr__(self) -> str:
        counts = {name: frame.height for name, frame in self.frames.items() if frame.height}
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        return f"<Window {self.index} from {_time(self.start_ms)}: {len(self)} events ({listed})>"

    def __len__(self) -> int:
        return sum(frame.height for frame in self.frames.values())


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A position in the stream: `skip` records into a window."""

    window: int = 0
    skip: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class EncodedWindow:
    """Records published in one window, ready for Kafka or a file.

    Attributes:
        index: number of the window.
        skip: number of the window's records before these.
        rows: columns published_at_ms and occurred_at_ms (int64; they differ for a delayed event), lane (int16), seq
            (int64, position among the lane's events of the window in which it occurred), topic and type (Enum), key
            (String), value (Binary, JSON) and fault (String, null for an event without a fault), sorted by the first
            four.
        next: position of the record after these rows.
    """

    index: int
    skip: int
    rows: pl.DataFrame
    next: Position

    def __repr__(self) -> str:
        return f"<EncodedWindow {self.index}: {self.rows.height} records after the first {self.skip}, then {self.next}>"

    def part(self, start: int, count: int) -> EncodedWindow:
        """Up to `count` rows from `start` on."""
        rows = self.rows.slice(start, count)
        ended = start + rows.height >= self.rows.height
        following = self.next if ended else Position(self.index, self.skip + start + rows.height)
        return EncodedWindow(self.index, self.skip + start, rows, following)


def _time(at_ms: int) -> str:
    return dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC).isoformat(timespec="seconds")
