"""What of a batch a store has not applied yet."""

from __future__ import annotations

import pytest

from shoplake.errors import Fenced, Misplaced
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


OWNER = dict.fromkeys(LOG, 1)


def at(first: int, second: int, clicks: int) -> dict[TopicPartition, Checkpoint]:
    return {p: Checkpoint(offset, 1) for p, offset in ((FIRST, first), (SECOND, second), (CLICKS, clicks))}


def fresh_of(batch: Batch, found: dict[TopicPartition, Checkpoint]) -> Batch:
    return batch.fresh("store", found, OWNER)


def ids_of(batch: Batch) -> list[str]:
    return [*batch.events["reviews"]["review_id"], *batch.events["clicks"]["session_id"]]


def test_a_batch_that_follows_the_checkpoints_is_kept_as_it_is() -> None:
    assert fresh_of(BATCH, at(2, 0, 3)) is BATCH


def test_applied_events_are_removed_from_a_batch() -> None:
    fresh = fresh_of(BATCH, at(4, 0, 5))
    assert fresh.ranges == {FIRST: (4, 5), SECOND: (0, 2), CLICKS: (5, 6)}
    assert ids_of(fresh) == ["a4", "b0", "b1", "s5"]


def test_a_fully_applied_partition_is_removed() -> None:
    fresh = fresh_of(BATCH, at(5, 1, 9))
    assert fresh.ranges == {SECOND: (1, 2)}
    assert ids_of(fresh) == ["b1"]


def test_a_fully_applied_batch_is_empty() -> None:
    fresh = fresh_of(BATCH, at(5, 2, 6))
    assert (dict(fresh.ranges), len(fresh)) == ({}, 0)


def test_a_range_without_events_moves_the_checkpoint() -> None:
    marker = Batch({}, {FIRST: OffsetRange(2, 3)})
    assert fresh_of(marker, at(2, 0, 0)) is marker


def test_a_batch_that_leaves_a_gap_is_refused() -> None:
    with pytest.raises(Misplaced, match="store: reviews-0: expected a batch from offset 1 on, found one from 2"):
        fresh_of(BATCH, at(1, 0, 3))


def test_a_batch_is_cut_by_offset_and_not_by_row() -> None:
    sparse = Batch({"reviews": BATCH.events["reviews"].filter(BATCH.events["reviews"]["offset"] != 3)}, BATCH.ranges)
    fresh = fresh_of(sparse, at(3, 2, 6))
    assert fresh.events["reviews"]["review_id"].to_list() == ["a4"]


@pytest.mark.parametrize("holder", [0, 2, None])
def test_a_batch_of_another_epochs_owner_is_refused(holder: int | None) -> None:
    found = at(2, 0, 3)
    if holder is None:
        del found[FIRST]
    else:
        found[FIRST] = Checkpoint(2, holder)
    with pytest.raises(Fenced, match=f"store: reviews-0 belongs to epoch {holder}, not to 1"):
        fresh_of(BATCH, found)


def test_a_stale_owner_is_refused_before_a_gap_is_checked() -> None:
    with pytest.raises(Fenced):
        fresh_of(BATCH, at(2, 0, 3) | {FIRST: Checkpoint(0, 2)})


def test_a_batch_without_some_partitions_has_no_events_of_them() -> None:
    rest = BATCH.without([SECOND])
    assert rest.ranges == {FIRST: (2, 5), CLICKS: (3, 6)}
    assert ids_of(rest) == ["a2", "a3", "a4", "s3", "s4", "s5"]


def test_the_part_of_a_topic_has_its_events_and_ranges() -> None:
    part = BATCH.of("clicks")
    assert part.ranges == {CLICKS: (3, 6)}
    assert part.events.keys() == {"clicks"}
