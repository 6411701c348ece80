"""Split a batch with events of many days: each day of a table is a separate file, and a commit should take seconds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, zip_longest

import polars as pl

from shoplake.sinks.base import Batch, OffsetRange, TopicPartition

MOST_DAYS = 200
"""Maximum number of days in one commit to a table. Writing a file takes about 10 ms, so a commit takes seconds."""

_DAY_MS = 86_400_000


def in_parts(batch: Batch, most_days: int = MOST_DAYS) -> Iterator[Batch]:
    """Split a batch so that each part has at most `most_days` days per topic.

    Each part continues its partitions where the part before ended.
    """
    topics = {partition.topic for partition in batch.ranges}
    by_topic = [list(_of_topic(topic, batch.of(topic), most_days)) for topic in sorted(topics)]
    for together in zip_longest(*by_topic, fillvalue=Batch({}, {})):
        events = {topic: frame for part in together for topic, frame in part.events.items()}
        yield Batch(events, {p: read for part in together for p, read in part.ranges.items()})


def _of_topic(topic: str, batch: Batch, most_days: int) -> Iterator[Batch]:
    events = batch.events.get(topic)
    if events is None or (events["occurred_at_ms"] // _DAY_MS).n_unique() <= most_days:
        yield batch
        return
    events = events.sort("partition", "offset")
    cuts = [0, *_cuts(events, most_days), events.height]
    left = dict(batch.ranges)
    for start, stop in pairwise(cuts):
        rows, ranges = events[start:stop], {}
        for number in rows["partition"].unique().sort():
            partition = TopicPartition(topic, number)
            following = events[stop : stop + 1].filter(pl.col("partition") == number)["offset"]
            begin, end = left.pop(partition)
            if len(following):
                ranges[partition], left[partition] = OffsetRange(begin, following[0]), OffsetRange(following[0], end)
            else:
                ranges[partition] = OffsetRange(begin, end)
        if stop == events.height:
            ranges |= left  # ranges without events
        yield Batch({topic: rows}, ranges)


def _cuts(events: pl.DataFrame, most_days: int) -> Iterator[int]:
    """The rows at which a new part starts."""
    days: set[int] = set()
    for row, day in enumerate((events["occurred_at_ms"] // _DAY_MS).to_list()):
        if day not in days and len(days) == most_days:
            yield row
            days.clear()
        days.add(day)
