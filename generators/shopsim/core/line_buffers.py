"""Lines of text in one block of memory, and Binary columns of views into it, without a Python object per line.

Arrow and polars store a value longer than 12 bytes as a view: length, first four bytes, buffer, offset.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from typing import IO

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

Views = npt.NDArray[np.int32]
"""Shape [values, 4]."""

BUFFER = 2
"""Index of the buffer number among the four numbers of a view."""

_LINE_FEED = 10
_SEARCH_BYTES = 2**19  # bytes per search, which fit into the processor's cache
_LARGEST_BUFFER = 2**31 - 1
_ALIGNMENT = 64
_BUFFER_STEP_BITS = 30
"""Each buffer starts 2**30 bytes after the previous one and overlaps the next by as much, so no line is cut."""


class MemoryFile:
    """A file in memory. Another process can map it by its file descriptor."""

    def __init__(self) -> None:
        self.file: IO[bytes] = _memory()

    @property
    def size(self) -> int:
        """Number of bytes written."""
        return self.file.tell()

    def write(self, content: bytes | memoryview | pa.Buffer) -> slice:
        """Append content at a multiple of 64 bytes, as arrays of numbers need, and return its position."""
        left = memoryview(content).cast("B")
        start = self.file.seek(-self.size % _ALIGNMENT, os.SEEK_CUR)
        while left.nbytes:  # one call takes no more than 2 GB
            left = left[self.file.write(left) :]
        return slice(start, self.size)

    def buffer(self) -> pa.Buffer:
        """The content, mapped into memory. The mapping outlives the file and needs no open descriptor."""
        return map_memory(self.file.fileno())


def map_memory(descriptor: int) -> pa.Buffer:
    """Map the content of a `MemoryFile` by its file descriptor."""
    if not os.fstat(descriptor).st_size:
        return pa.py_buffer(b"")
    # Python's `mmap` keeps a descriptor open for each mapping, and a process may have only 1,024.
    with pa.memory_map(f"/dev/fd/{descriptor}") as file:
        return file.read_buffer()


def line_views(text: pa.Buffer) -> Views:
    """Views of the lines of a text, without the line feeds."""
    ends = _ends(np.frombuffer(text, dtype=np.uint8))
    starts = np.zeros(len(ends), dtype=np.int64)
    starts[1:] = ends[:-1] + 1
    views = np.empty((len(ends), 4), dtype=np.int32)
    views[:, 0] = ends - starts
    # A value shorter than 13 bytes would be stored in the view itself; an event's JSON is always longer.
    every_four = np.ndarray((max(0, text.size - 3),), dtype=np.int32, buffer=text, strides=(1,))
    views[:, 1] = every_four[starts]
    views[:, BUFFER] = starts >> _BUFFER_STEP_BITS
    views[:, 3] = starts & (2**_BUFFER_STEP_BITS - 1)
    return views


def column(views: Views, buffers: Sequence[pa.Buffer]) -> pl.Series:
    """A Binary column from views and buffers, without a copy."""
    return pl.Series(pa.Array.from_buffers(pa.binary_view(), len(views), [None, pa.py_buffer(views), *buffers]))


def view_buffers(text: pa.Buffer) -> list[pa.Buffer]:
    """The buffers of a text, as its views number them: one, unless the text is larger than a view can address."""
    return [text[start : start + _LARGEST_BUFFER] for start in range(0, max(1, text.size), 2**_BUFFER_STEP_BITS)]


def join_lines(values: pl.Series) -> pa.Buffer:
    """The values of a Binary column without nulls as lines, a line feed after each."""
    whole = values.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    nothing, line_feed = (pa.scalar(text, pa.large_binary()) for text in (b"", b"\n"))
    _, offsets, data = pc.binary_join_element_wise(whole, nothing, line_feed).buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)
    return data[: ends[len(values)]]


def column_views(values: pl.Series) -> Views:
    """The views of a Binary column without nulls."""
    array = values.rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
    return np.frombuffer(array.buffers()[1], dtype=np.int32).reshape(-1, 4)[array.offset : array.offset + len(array)]


def _memory() -> IO[bytes]:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("shopsim", os.MFD_CLOEXEC), "wb", buffering=0)
    return tempfile.TemporaryFile(buffering=0)


def _ends(text: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Positions of the line feeds."""
    found = [
        np.flatnonzero(text[start : start + _SEARCH_BYTES] == _LINE_FEED) + start
        for start in range(0, len(text), _SEARCH_BYTES)
    ]
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)
