"""A batch of many days: parts with few of them each, that together are the batch."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from shoplake.sinks.base import Batch, OffsetRange, TopicPartition
from shoplake.sinks.lake.daily_parts import in_parts

DAY_MS = 86_400_000
FRAME = {"partition": pl.Int32, "offset": pl.Int64, "occurred_at_ms": pl.Int64}


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Of up to two topics with three partitions each, offsets with gaps, some of them without an event."""
    events, ranges = {}, {}
    for topic in draw(st.sets(st.sampled_from(["clicks", "orders"]), min_size=1)):
        rows: list[dict[str, Any]] = []
        for partition in draw(st.sets(st.integers(0, 2), min_size=1)):
            offsets = draw(st.lists(st.integers(10, 60), unique=True, max_size=25))
            rows += [
                {"partition": partition, "offset": o, "occurred_at_ms": draw(st.integers(0, 8)) * DAY_MS}
                for o in sorted(offsets)
            ]
            ranges[TopicPartition(topic, partition)] = OffsetRange(draw(st.integers(0, 10)), draw(st.integers(61, 70)))
        if rows:
            events[topic] = pl.DataFrame(rows, schema=FRAME)
    return Batch(events, ranges)


@given(batches(), st.integers(1, 9))
def test_parts_are_the_batch_in_order_and_each_has_few_days(batch: Batch, most_days: int) -> None:
    stands = {partition: read.start for partition, read in batch.ranges.items()}
    found: dict[str, list[pl.DataFrame]] = {topic: [] for topic in batch.events}
    for part in in_parts(batch, most_days):
        for topic, events in part.events.items():
            assert (events["occurred_at_ms"] // DAY_MS).n_unique() <= most_days
            found[topic].append(events)
            for partition, offset in events.select("partition", "offset").iter_rows():
                start, stop = part.ranges[TopicPartition(topic, partition)]
                assert start <= offset < stop
        for partition, (start, stop) in part.ranges.items():
            assert stands[partition] == start < stop
            stands[partition] = stop
    assert stands == {partition: read.stop for partition, read in batch.ranges.items()}
    for topic, frames in found.items():
        assert pl.concat(frames).sort("partition", "offset").equals(batch.events[topic].sort("partition", "offset"))


def test_a_batch_of_few_days_is_one_part() -> None:
    frame = pl.DataFrame({"partition": [0, 0], "offset": [1, 2], "occurred_at_ms": [0, DAY_MS]}, schema=FRAME)
    batch = Batch({"clicks": frame}, {TopicPartition("clicks", 0): OffsetRange(1, 3)})
    (only,) = in_parts(batch)
    assert only.events["clicks"] is frame
    assert only.ranges == batch.ranges
