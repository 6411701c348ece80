"""Transport of a worker's records to the parent through shared memory, and the merge there, without copying values."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from shopsim.core import line_buffers
from shopsim.core.frame_sort import sort_order
from shopsim.engine.encode import ORDER, SCHEMA
from shopsim.engine.windows import PublishedBatch


@dataclass(frozen=True, slots=True)
class WorkerOutput:
    """Records that one worker publishes in a batch of windows.

    Attributes:
        rows: columns of `SCHEMA` without the values, sorted by `ORDER`.
        counts: how many of them are in each window.
        views: the values, as views into the text.
        text: the memory of the worker that holds the values.
    """

    rows: pl.DataFrame
    counts: list[int]
    views: line_buffers.Views
    text: pa.Buffer


def pack(part: PublishedBatch) -> tuple[bytes, line_buffers.MemoryFile]:
    """Pack a batch as a message and the memory to send with it. Columns are written after the text of the values."""
    values, text = part.rows["value"], part.text
    if text is not None:
        views = line_buffers.column_views(values)
    else:
        text = line_buffers.MemoryFile()
        text.write(line_buffers.join_lines(values))
        views = line_buffers.line_views(text.buffer())
    size, columns = text.size, part.rows.drop("value").to_arrow(compat_level=pl.CompatLevel.newest())
    buffers: list[pickle.PickleBuffer] = []
    described = pickle.dumps((columns, part.counts, views), protocol=5, buffer_callback=buffers.append)
    places = [text.write(buffer.raw()) for buffer in buffers]
    return pickle.dumps((described, places, size)), text


def unpack(message: bytes, descriptor: int) -> WorkerOutput:
    """Unpack a message and the file descriptor of its memory. The descriptor may be closed afterwards."""
    described, places, size = pickle.loads(message)  # noqa: S301 - a process of ours wrote it
    memory = line_buffers.map_memory(descriptor)
    columns, counts, views = pickle.loads(described, buffers=[memory[place] for place in places])  # noqa: S301
    rows = pl.from_arrow(columns)
    assert isinstance(rows, pl.DataFrame)  # noqa: S101 - for the type checker: a table becomes one
    return WorkerOutput(rows, counts, views, memory[:size])


def merged(outputs: Sequence[WorkerOutput]) -> PublishedBatch:
    """Merge the same windows of several workers into one batch."""
    counts = [sum(counts) for counts in zip(*(output.counts for output in outputs), strict=True)]
    rows = pl.concat([output.rows for output in outputs])
    if rows.is_empty():
        return PublishedBatch(SCHEMA.to_frame(), counts)
    order = sort_order([rows[name].to_numpy() for name in ORDER])
    buffers: list[pa.Buffer] = []
    views = np.concatenate([output.views for output in outputs])
    end = 0
    for output in outputs:
        start, end = end, end + len(output.views)
        views[start:end, line_buffers.BUFFER] += len(buffers)
        buffers += line_buffers.view_buffers(output.text)
    values = line_buffers.column(views[order], buffers)
    return PublishedBatch(rows[order].with_columns(values.alias("value")).select(SCHEMA.names()), counts)
