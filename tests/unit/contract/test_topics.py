"""Facts that hold for the registry of topics, whatever is added to it."""

from __future__ import annotations

from collections import Counter

import pytest

from shoplake.contract import DEAD_LETTERS, EVENTS, PUBLISH_PROGRESS, TOPICS, Topic, columns_of, type_name

topics = pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)


def test_there_are_six_topics_and_at_least_twenty_events() -> None:
    assert set(TOPICS) == {"customers", "products", "orders", "inventory", "clicks", "reviews"}
    assert len(EVENTS) >= 20


def test_no_two_events_share_a_tag() -> None:
    tags = Counter(type_name(event) for topic in TOPICS.values() for event in topic.events)
    assert set(tags.values()) == {1}
    assert set(tags) == set(EVENTS)


def test_internal_topics_are_not_event_topics() -> None:
    assert not {DEAD_LETTERS, PUBLISH_PROGRESS} & set(TOPICS)


@topics
def test_every_event_has_its_topics_key(topic: Topic) -> None:
    assert [event for event in topic.events if topic.key not in event.__struct_fields__] == []


@topics
def test_a_field_has_one_type_in_all_events_of_a_topic(topic: Topic) -> None:
    for event in topic.events:
        assert {name: topic.columns[name] for name in columns_of(event)} == columns_of(event)


@topics
def test_no_topic_has_a_column_that_the_stream_adds(topic: Topic) -> None:
    assert not set(topic.columns) & {"partition", "offset", "position", "kafka_partition", "kafka_offset"}
    assert next(iter(topic.columns)) == "type"
