"""What a worker publishes on its way to the parent, which merges it with what the others do: no value is copied."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from shopsim.core import line_buffers
from shopsim.core.frame_sort import order_of
from shopsim.engine.encode import ORDER, SCHEMA
from shopsim.engine.windows import Published


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one worker publishes in a stretch of windows.

    Attributes:
        rows: columns of `SCHEMA` without the values, sorted by `ORDER`.
        counts: how many of them are in each window.
        views: the values, as views into the text.
        text: the memory of the worker that they are in.
    """

    rows: pl.DataFrame
    counts: list[int]
    views: line_buffers.Views
    text: pa.Buffer


def packed(part: Published) -> tuple[bytes, line_buffers.Text]:
    """A message, and the memory to be sent with it: all columns are written behind the text of the values."""
    values, text = part.rows["value"], part.text
    if text is not None:
        views = line_buffers.views_in(values)
    else:
        text = line_buffers.Text()
        text.write(line_buffers.joined(values))
        views = line_buffers.views_of(text.buffer())
    size, columns = text.size, part.rows.drop("value").to_arrow(compat_level=pl.CompatLevel.newest())
    buffers: list[pickle.PickleBuffer] = []
    described = pickle.dumps((columns, part.counts, views), protocol=5, buffer_callback=buffers.append)
    places = [text.write(buffer.raw()) for buffer in buffers]
    return pickle.dumps((described, places, size)), text


def unpacked(message: bytes, descriptor: int) -> Parcel:
    """The parcel, from its message and a file descriptor of its memory, which is not needed after that."""
    described, places, size = pickle.loads(message)  # noqa: S301 - a process of ours wrote it
    memory = line_buffers.mapped(descriptor)
    columns, counts, views = pickle.loads(described, buffers=[memory[place] for place in places])  # noqa: S301
    rows = pl.from_arrow(columns)
    assert isinstance(rows, pl.DataFrame)  # noqa: S101 - for the type checker: a table becomes one
    return Parcel(rows, counts, views, memory[:size])


def merged(parcels: Sequence[Parcel]) -> Published:
    """The same windows of several workers as one."""
    counts = [sum(counts) for counts in zip(*(parcel.counts for parcel in parcels), strict=True)]
    rows = pl.concat([parcel.rows for parcel in parcels])
    if rows.is_empty():
        return Published(SCHEMA.to_frame(), counts)
    order = order_of([rows[name].to_numpy() for name in ORDER])
    buffers: list[pa.Buffer] = []
    views = np.concatenate([parcel.views for parcel in parcels])
    end = 0
    for parcel in parcels:
        start, end = end, end + len(parcel.views)
        views[start:end, line_buffers.BUFFER] += len(buffers)
        buffers += line_buffers.buffers_of(parcel.text)
    values = line_buffers.column(views[order], buffers)
    return Published(rows[order].with_columns(values.alias("value")).select(SCHEMA.names()), counts)
