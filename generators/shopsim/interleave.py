"""The records of several lanes as one sequence per type, in order of time, cut where a window ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shopsim.draws import Ints, in_order
from shopsim.records import LAYOUT, LINES

Lanes = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Happened:
    """Records of one type, sorted by (time, lane) and then as their lane has them.

    Attributes:
        records: int64 [fields of LAYOUT, events].
        lane: int16 [events].
        seq: place among the lane's events of the window, int64 [events]; -1 for `LINES`, which are no events.
    """

    records: Ints
    lane: Lanes
    seq: Ints


def interleaved(
    lanes: Sequence[int], happened: Sequence[dict[str, Ints]], ends_ms: Sequence[int]
) -> Iterator[dict[str, Happened]]:
    """For each window, all records in it by type; types without any are left out.

    Args:
        lanes: their numbers.
        happened: the records of each, by type, in any order of time. Emptied, as they would lie in memory twice.
        ends_ms: where each window ends (excluded), ascending; no record is later than the last.
    """
    merged = {name: _merged(name, lanes, happened) for name in LAYOUT if any(name in records for records in happened)}
    starts = dict.fromkeys(merged, 0)
    for end_ms in ends_ms:
        ends = {name: int(np.searchsorted(records[0], end_ms)) for name, (records, _) in merged.items()}
        yield _numbered(
            {
                name: (records[:, starts[name] : ends[name]], lane[starts[name] : ends[name]])
                for name, (records, lane) in merged.items()
                if ends[name] > starts[name]
            }
        )
        starts = ends


def _merged(record_type: str, lanes: Sequence[int], happened: Sequence[dict[str, Ints]]) -> tuple[Ints, Lanes]:
    pairs = zip(lanes, happened, strict=True)
    found = [(lane, records.pop(record_type)) for lane, records in pairs if record_type in records]
    records = np.concatenate([part for _, part in found], axis=1)
    lane = np.repeat(np.array([lane for lane, _ in found], dtype=np.int16), [part.shape[1] for _, part in found])
    # Lane after lane: a stable sort by time alone leaves those of one millisecond in the order of their lanes.
    order = in_order(records[0])
    return records.take(order, axis=1), lane[order]


def _numbered(parts: dict[str, tuple[Ints, Lanes]]) -> dict[str, Happened]:
    """Number the events of each lane, by time.

    Events of one millisecond are ordered by their type's name: they are unrelated, as causes lie at least 2 ms before
    their effects.
    """
    names = sorted(name for name in parts if name != LINES)
    if not names:
        return {}
    times = np.concatenate([parts[name][0][0] for name in names])
    lane = np.concatenate([parts[name][1] for name in names])
    by_time = in_order(times)
    by_lane = np.argsort(lane[by_time], kind="stable")
    counts = np.bincount(lane)
    number = np.empty(len(times), dtype=np.int64)
    number[by_time[by_lane]] = np.arange(len(times)) - np.repeat(np.cumsum(counts) - counts, counts)
    ends = np.cumsum([len(parts[name][1]) for name in names])
    numbers = dict(zip(names, np.split(number, ends[:-1]), strict=True))
    if LINES in parts:
        numbers[LINES] = np.full(len(parts[LINES][1]), -1)
    return {name: Happened(records, lane, numbers[name]) for name, (records, lane) in parts.items()}
