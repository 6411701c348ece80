"""Merge the records of several lanes into one sequence per type, sorted by time and split at window ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shopsim.core.records import LAYOUT, LINES
from shopsim.core.rng import Ints, stable_order
from shopsim.engine.windows import WindowBatch

Lanes = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class SortedRecords:
    """Records of one type, sorted by (time, lane); records of one lane keep their order.

    Attributes:
        records: int64 [fields of LAYOUT, events].
        lane: int16 [events].
        window: number of the window of each event, int64 [events].
        seq: position among the lane's events of the window, int64 [events]; -1 for `LINES`, which are not events.
    """

    records: Ints
    lane: Lanes
    window: Ints
    seq: Ints


def interleave_lanes(
    lanes: Sequence[int], happened: Sequence[dict[str, Ints]], batches: Sequence[WindowBatch]
) -> Iterator[dict[str, SortedRecords]]:
    """Yield all records of each batch of windows by type; types without records are left out.

    Args:
        lanes: numbers of the lanes.
        happened: records of each lane by type, in any order. They are removed, to avoid a second copy in memory.
        batches: consecutive batches; no record is later than the last.
    """
    merged = {name: _merged(name, lanes, happened) for name in LAYOUT if any(name in records for records in happened)}
    for batch in batches:
        times = np.array([batch.start_ms, *batch.ends_ms])
        yield _numbered(
            batch.first,
            {
                name: (records[:, edges[0] : edges[-1]], lane[edges[0] : edges[-1]], np.diff(edges))
                for name, (records, lane) in merged.items()
                if (edges := np.searchsorted(records[0], times))[-1] > edges[0]
            },
        )


def _merged(record_type: str, lanes: Sequence[int], happened: Sequence[dict[str, Ints]]) -> tuple[Ints, Lanes]:
    pairs = zip(lanes, happened, strict=True)
    found = [(lane, records.pop(record_type)) for lane, records in pairs if record_type in records]
    records = np.concatenate([part for _, part in found], axis=1)
    lane = np.repeat(np.array([lane for lane, _ in found], dtype=np.int16), [part.shape[1] for _, part in found])
    # The lanes are concatenated in order, so a stable sort by time keeps records of one millisecond in lane order.
    order = stable_order(records[0])
    return records.take(order, axis=1), lane[order]


def _numbered(first: int, parts: dict[str, tuple[Ints, Lanes, Ints]]) -> dict[str, SortedRecords]:
    """Number the events of each lane and window by time.

    The name of their type orders events of the same millisecond. They are unrelated: a cause is at least 2 ms
    before its effect.

    Args:
        first: number of the first window.
        parts: type -> (records, lanes, number of records per window).
    """
    windows = {name: first + np.repeat(np.arange(len(counts)), counts) for name, (_, _, counts) in parts.items()}
    names = sorted(name for name in parts if name != LINES)
    if not names:
        return {}
    by_time = stable_order(np.concatenate([parts[name][0][0] for name in names]))
    lane = np.concatenate([parts[name][1] for name in names])
    sizes = [len(parts[name][1]) for name in names]
    # Sorted by time, the events of a window are contiguous; a stable sort by this makes those of a lane contiguous too.
    group = lane.astype(np.int64) + (np.concatenate([windows[name] for name in names]) - first) * (int(lane.max()) + 1)
    by_group = stable_order(group[by_time])
    counts = np.bincount(group)
    number = np.empty(len(group), dtype=np.int64)
    number[by_time[by_group]] = np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts, counts)
    numbers = dict(zip(names, np.split(number, np.cumsum(sizes)[:-1]), strict=True))
    if LINES in parts:
        numbers[LINES] = np.full(len(parts[LINES][1]), -1)
    return {name: SortedRecords(parts[name][0], parts[name][1], windows[name], numbers[name]) for name in parts}
