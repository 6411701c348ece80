"""What a worker publishes on its way to the parent, which merges it with what the others do: no value is copied."""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from shopsim import lines
from shopsim.encode import ORDER, SCHEMA
from shopsim.ordering import order_of
from shopsim.windows import Published


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
    views: lines.Views
    text: pa.Buffer


def packed(part: Published) -> tuple[bytes, lines.Text]:
    """A message, and the memory to be sent with it."""
    values, text = part.rows["value"], part.text
    if text is not None:
        views = lines.views_in(values)
    else:
        text = lines.Text()
        text.file.write(lines.joined(values))
        views = lines.views_of(text.buffer())
    rows = io.BytesIO()
    part.rows.drop("value").write_ipc_stream(rows, compression="uncompressed")
    return pickle.dumps((rows.getvalue(), part.counts, views)), text


def unpacked(message: bytes, descriptor: int) -> Parcel:
    """The parcel, from its message and a file descriptor of its memory, which is not needed after that."""
    rows, counts, views = pickle.loads(message)  # noqa: S301 - a process of ours wrote it
    return Parcel(pl.read_ipc_stream(rows), counts, views, lines.mapped(descriptor))


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
        views[start:end, lines.BUFFER] += len(buffers)
        buffers += lines.buffers_of(parcel.text)
    values = lines.column(views[order], buffers)
    return Published(rows[order].with_columns(values.alias("value")).select(SCHEMA.names()), counts)
