"""What of a batch a store has not applied yet."""

from __future__ import annotations

import pytest

from shoplake.errors import SinkError
from shoplake.sinks.base import Batch, Checkpoint, OffsetRange, TopicPartition

from .small_log import batch_of

FIRST, SECOND = TopicPartition("reviews", 0), TopicPartition("reviews", 1)
CLICKS = TopicPartition("clicks", 0)
LOG = {
    FIRST: [("review_removed", {"review_id": f"a{n}"}) for n in range(6)],
    SECOND: [("review_removed", {"review_id": f"b{n}"}) for n in range(6)],
    CLICKS: [("checkout_started", {"session_id": f"s{n}"}) for n in range(6)],
}
BATCH = batch_of(LOG, {FIRST: OffsetRange(2, 5), SECOND: OffsetRange(0, 2), CLICKS: OffsetRange(3, 6)})


def at(first: int, second: int, clicks: int) -> dict[TopicPartition, Checkpoint]:
    return {p: Checkpoint(offset, 1) for p, offset in ((FIRST, first), (SECOND, second), (CLICKS, clicks))}


def ids_of(batch: Batch) -> list[str]:
    return [*batch.events["reviews"]["review_id"], *batch.events["clicks"]["session_id"]]


def test_a_batch_that_follows_the_checkpoints_is_kept_as_it_is() -> None:
    assert BATCH.after(at(2, 0, 3)) is BATCH


def test_what_is_applied_already_is_cut_off() -> None:
    fresh = BATCH.after(at(4, 0, 5))
    assert fresh.ranges == {FIRST: (4, 5), SECOND: (0, 2), CLICKS: (5, 6)}
    assert ids_of(fresh) == ["a4", "b0", "b1", "s5"]


def test_a_partition_that_is_applied_whole_falls_away() -> None:
    fresh = BATCH.after(at(5, 1, 9))
    assert fresh.ranges == {SECOND: (1, 2)}
    assert ids_of(fresh) == ["b1"]


def test_a_batch_that_is_applied_whole_is_empty() -> None:
    fresh = BATCH.after(at(5, 2, 6))
    assert (dict(fresh.ranges), len(fresh)) == ({}, 0)


def test_a_range_without_events_moves_on_all_the_same() -> None:
    marker = Batch({}, {FIRST: OffsetRange(2, 3)})
    assert marker.after(at(2, 0, 0)) is marker


def test_a_batch_that_leaves_a_gap_is_refused() -> None:
    with pytest.raises(SinkError, match="reviews-0: expected a batch from offset 1 on, found one from 2"):
        BATCH.after(at(1, 0, 3))


def test_an_offset_beyond_a_hole_in_the_log_is_cut_by_its_number_not_its_place() -> None:
    sparse = Batch({"reviews": BATCH.events["reviews"].filter(BATCH.events["reviews"]["offset"] != 3)}, BATCH.ranges)
    fresh = sparse.after(at(3, 2, 6))
    assert fresh.events["reviews"]["review_id"].to_list() == ["a4"]
