"""Sort frames by several integer columns, several times as fast as polars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from shopsim.core.rng import Ints

_BITS = 63


def sort_frame(rows: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Rows sorted by the columns in `by`; the sort is stable."""
    return rows if rows.height < 2 else rows[sort_order([rows[name].to_numpy() for name in by])]


def sort_order(keys: Sequence[npt.NDArray[np.integer[Any]]]) -> npt.NDArray[np.uint32]:
    """Row numbers sorted by the keys, the first key first. Needs at least one row.

    The keys of a row are packed into one integer if they fit. A key equal to the previous key in every row is left
    out: usually an event is published when it happens, so both times are equal.
    """
    columns: list[Ints] = []
    for key in keys:
        if not columns or (key is not columns[-1] and not np.array_equal(columns[-1], key)):
            columns.append(key.astype(np.int64, copy=False))
    offsets = [column - column.min() for column in columns]
    bits = [int(offset.max()).bit_length() for offset in offsets]
    if sum(bits) > _BITS:
        return np.lexsort(columns[::-1]).astype(np.uint32)
    pack = offsets[0]
    for offset, width in zip(offsets[1:], bits[1:], strict=True):
        pack = (pack << width) | offset
    return np.argsort(pack, kind="stable").astype(np.uint32)
