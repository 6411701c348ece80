"""How far the dead-letter step is, as the log keeps it."""

from __future__ import annotations

import pytest

from shoplake.errors import StreamHalted
from shoplake.sinks.base import TopicPartition
from shoplake.streaming.dead_letters.progress import DeadLetterProgress
from shoplake.topic_identity import TopicId

IDS = {"clicks": TopicId("one", 2), "orders": TopicId("two", 1)}
POSITIONS = {TopicPartition("clicks", 0): 7, TopicPartition("clicks", 1): 0, TopicPartition("orders", 0): 3}


def test_positions_round_trip() -> None:
    assert DeadLetterProgress.of(IDS, POSITIONS).positions(IDS) == POSITIONS


def test_a_new_topic_begins_at_the_start_of_the_log() -> None:
    assert DeadLetterProgress.of(IDS, POSITIONS).positions(IDS | {"reviews": TopicId("three", 6)}) == POSITIONS


def test_progress_of_a_recreated_topic_halts() -> None:
    with pytest.raises(StreamHalted, match="recreated"):
        DeadLetterProgress.of(IDS, POSITIONS).positions(IDS | {"orders": TopicId("another", 1)})
