"""The records of several lanes as one sequence per type, in order of time, cut where windows end."""

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
    """Records of one type, sorted by (time, lane) and then as their lane has them.

    Attributes:
        records: int64 [fields of LAYOUT, events].
        lane: int16 [events].
        window: number of the window that each is in, int64 [events].
        seq: place among the lane's events of the window, int64 [events]; -1 for `LINES`, which are no events.
    """

    records: Ints
    lane: Lanes
    window: Ints
    seq: Ints


def interleave_lanes(
    lanes: Sequence[int], happened: Sequence[dict[str, Ints]], batches: Sequence[WindowBatch]
) -> Iterator[dict[str, SortedRecords]]:
    """For each stretch of windows, all records in it by type; types without any are left out.

    Args:
        lanes: their numbers.
        happened: the records of each, by type, in any order of time. Emptied, as they would lie in memory twice.
        batches: one after the other; no record is later than the last.
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
    # Lane after lane: a stable sort by time alone leaves those of one millisecond in the order of their lanes.
    order = stable_order(records[0])
    return records.take(order, axis=1), lane[order]


def _numbered(first: int, parts: dict[str, tuple[Ints, Lanes, Ints]]) -> dict[str, SortedRecords]:
    """Number the events of each lane and window, by time.

    Events of one millisecond are ordered by their type's name: they are unrelated, as causes lie at least 2 ms before
    their effects.

    Args:
        first: number of the first window.
        parts: by type: records, lanes, and how many are in each window.
    """
    windows = {name: first + np.repeat(np.arange(len(counts)), counts) for name, (_, _, counts) in parts.items()}
    names = sorted(name for name in parts if name != LINES)
    if not names:
        return {}
    by_time = stable_order(np.concatenate([parts[name][0][0] for name in names]))
    lane = np.concatenate([parts[name][1] for name in names])
    sizes = [len(parts[name][1]) for name in names]
    # A window's events stand together by time, so those of a lane do in the order of this.
    group = lane.astype(np.int64) + (np.concatenate([windows[name] for name in names]) - first) * (int(lane.max()) + 1)
    by_group = stable_order(group[by_time])
    counts = np.bincount(group)
    number = np.empty(len(group), dtype=np.int64)
    number[by_time[by_group]] = np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts, counts)
    numbers = dict(zip(names, np.split(number, np.cumsum(sizes)[:-1]), strict=True))
    if LINES in parts:
        numbers[LINES] = np.full(len(parts[LINES][1]), -1)
    return {name: SortedRecords(parts[name][0], parts[name][1], windows[name], numbers[name]) for name in parts}
