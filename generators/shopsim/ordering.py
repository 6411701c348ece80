"""Sorting frames by several columns of whole numbers, several times as fast as polars does it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from shopsim.draws import Ints

_BITS = 63


def ordered(rows: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """The rows in the order of the first column, then the second and so on; rows alike in all stay as they were.

    The numbers of a row are packed into one where they fit. A column that is everywhere what the one before it is
    adds nothing and takes no room: an event is usually published when it happens.
    """
    if rows.height < 2:
        return rows
    columns: list[Ints] = []
    for name in by:
        column = rows[name].to_numpy().astype(np.int64)
        if not columns or not np.array_equal(columns[-1], column):
            columns.append(column)
    offsets = [column - column.min() for column in columns]
    bits = [int(offset.max()).bit_length() for offset in offsets]
    if sum(bits) > _BITS:
        return rows[np.lexsort(columns[::-1])]
    key = np.zeros(rows.height, dtype=np.int64)
    for offset, width in zip(offsets, bits, strict=True):
        key = (key << width) | offset
    return rows[np.argsort(key, kind="stable")]
