"""Write a run to files with Spark: each task simulates some lanes, and windows are merged before they are written.

The files are byte for byte the same as those of `files.write_run`. Spark collects the parts of a window in one task.
The offset of each window is known by then, so all tasks write in parallel, each at its offset.
"""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from shoplake.publish.atomic_folder import complete_or_nothing, explained, partial, refuse_occupied
from shoplake.publish.run import Run
from shoplake.publish.spark_context import spark_context
from shopsim.engine.encode import ORDER

if TYPE_CHECKING:
    from pyspark import RDD, SparkContext

_TASKS_PER_CORE = 2  # one lane may be busier than another
_MARGIN = 1.1  # more windows than the first lane asks for, which may be the busiest
_WINDOWS_PER_TASK = 8


class Extent(msgspec.Struct, frozen=True):
    """How much some records are, per topic: how many, and bytes with the ends of lines."""

    counts: dict[str, int]
    size_bytes: dict[str, int]

    @property
    def records(self) -> int:
        """How many, of all topics."""
        return sum(self.counts.values())


Part = tuple[Extent, bytes]
"""Records of some lanes, as Arrow, and how much they are."""
Window = tuple[int, Iterable[Part]]
"""A window's number and all its records."""


def write_run(run: Run, out: Path, *, overwrite: bool = False, master: str | None = None) -> Mapping[str, int]:
    """Simulate a run into `<topic>.jsonl` files.

    Args:
        run: what to simulate.
        out: folder, made if it is not there; every machine of the cluster must see it under this name.
        overwrite: replace files of these names in a folder that is not empty; others in it stay.
        master: Spark's, like `spark://host:7077`; None for as many cores of this machine as the run has workers.

    Returns:
        Events per topic, the broken ones included.

    Raises:
        UsageError: Spark or Java is missing, or a folder that is not empty, or no folder.
        ShoplakeError: Spark failed, or the folder cannot be written.
    """
    refuse_occupied(out, overwrite)
    cores, run = run.workers, replace(run, workers=1)
    files = {topic: out / f"{topic}.jsonl" for topic in run.topics}
    with (
        explained(out),
        spark_context(master or f"local[{cores}]") as context,
        complete_or_nothing(out, [file.name for file in files.values()]),
    ):
        windows, extents = _simulated(context, run)
        cut = _cut(run, extents)
        if cut:
            number, records = cut
            extents = {n: extent for n, extent in extents.items() if n < number}
            extents[number] = (
                windows.filter(lambda w: w[0] == number).map(lambda w: _extent(_merged(w, records))).first()
            )
        places: dict[int, dict[str, int]] = {}
        sizes = Counter[str]()
        for number in sorted(extents):
            places[number] = dict(sizes)
            sizes.update(extents[number].size_bytes)
        for topic, file in files.items():
            with partial(file).open("wb") as empty:
                empty.truncate(sizes[topic])
        paths = {topic: str(partial(file)) for topic, file in files.items()}
        windows.filter(lambda w: w[0] in places).foreach(lambda w: _write(w, cut, paths, places[w[0]]))
    return dict.fromkeys(run.topics, 0) | _sum(extents.values()).counts


def _simulated(context: SparkContext, run: Run) -> tuple[RDD[Window], dict[int, Extent]]:
    """The windows of the run, and perhaps some more, and how much each is."""
    count, before = _guessed(run), -1
    while True:
        windows = _windows(context, run, count)
        extents = dict(windows.map(lambda w: (w[0], _sum(extent for extent, _ in w[1]))).collect())
        records = sum(extent.records for extent in extents.values())
        if count is None or run.events is None or records >= run.events:
            return windows, extents
        # No more than before: quiet for long, or for good. The whole simulation will tell.
        count, before = None if records == before else 2 * count, records


def _guessed(run: Run) -> int | None:
    """How many windows the run's records will take, from its first lane; None where a time ends it anyway."""
    if run.events is None or run.until_ms is not None:
        return None
    wanted, found, last = run.events / run.scenario.lanes * _MARGIN, 0, 0
    with contextlib.closing(run.stream(lanes=[0])) as windows:
        for window in windows:
            found, last = found + window.rows.height, window.index
            if found >= wanted:
                break
    return last + 2


def _windows(context: SparkContext, run: Run, count: int | None) -> RDD[Window]:
    lanes, cores = run.scenario.lanes, context.defaultParallelism
    tasks = min(lanes, cores * _TASKS_PER_CORE)
    parts = context.parallelize(range(tasks), tasks).flatMap(lambda task: _parts(run, range(task, lanes, tasks), count))
    return parts.groupByKey(max(cores, -(-(count or 1) // _WINDOWS_PER_TASK)))


def _parts(run: Run, lanes: Iterable[int], count: int | None) -> Iterator[tuple[int, Part]]:
    """What some lanes publish, window by window: a task of its own, and without processes beside it."""
    with contextlib.closing(run.stream(lanes=lanes)) as windows:
        for window in takewhile(lambda window: count is None or window.index < count, windows):
            arrow = io.BytesIO()
            window.rows.select(*ORDER, "topic", "value").write_ipc_stream(arrow, compression="lz4")
            yield window.index, (_extent(window.rows), arrow.getvalue())


def _cut(run: Run, extents: Mapping[int, Extent]) -> tuple[int, int] | None:
    """The last window of the run, and how many of its records are in it; None where all are."""
    left = run.events
    if left is None:
        return None
    for number in sorted(extents):
        if left <= extents[number].records:
            return number, left
        left -= extents[number].records
    return None


def _merged(window: Window, records: int | None) -> pl.DataFrame:
    """The first records of a window, of all lanes in order."""
    parts = [pl.read_ipc_stream(io.BytesIO(arrow)) for _, arrow in window[1]]
    return pl.concat(parts).sort(ORDER).slice(0, records)


def _write(window: Window, cut: tuple[int, int] | None, paths: Mapping[str, str], places: Mapping[str, int]) -> None:
    """Write a window into its place in each file; again does no harm."""
    rows = _merged(window, cut[1] if cut and window[0] == cut[0] else None)
    for (topic,), mine in rows.partition_by("topic", as_dict=True).items():
        with Path(paths[str(topic)]).open("r+b") as file:
            file.seek(places.get(str(topic), 0))
            file.write(b"\n".join(mine["value"].to_list()) + b"\n")


def _extent(rows: pl.DataFrame) -> Extent:
    size = (pl.col("value").bin.size() + 1).sum().cast(pl.Int64)
    found = rows.group_by(pl.col("topic").cast(pl.String)).agg(pl.len().cast(pl.Int64), size).rows()
    return Extent({topic: count for topic, count, _ in found}, {topic: size for topic, _, size in found})


def _sum(extents: Iterable[Extent]) -> Extent:
    counts, sizes = Counter[str](), Counter[str]()
    for extent in extents:
        counts.update(extent.counts)
        sizes.update(extent.size_bytes)
    return Extent(dict(counts), dict(sizes))
