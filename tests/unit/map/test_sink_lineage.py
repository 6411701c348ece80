"""The map says of each column of a store what the sink does: events are folded, changed field by field."""

from __future__ import annotations

from collections import defaultdict

import pytest
from tests.unit.map import sink_outputs

from shoplake.contract import TOPICS
from shoplake.map import metadata
from shoplake.map.graph import Graph
from shoplake.map.readers import sinks
from shoplake.sinks.dynamodb.items import PARTS as ITEMS
from shoplake.sinks.mongo.documents import PARTS as DOCUMENTS
from shoplake.sinks.redis.sink import RedisSink

STORES = ("postgres", "dynamodb", "mongodb", "redis")


@pytest.fixture(scope="module")
def origins(graph: Graph) -> dict[str, set[str]]:
    """Column of a store -> fields of events that its values change with.

    The type of an event is the origin where no field is, and without the event the value is another. A list is the
    origin where no field in it is.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for topic in TOPICS.values():
        dataset = graph.datasets[f"kafka.{topic.name}"]
        events = sink_outputs.events(topic)
        before = sink_outputs.written(topic.name, events)
        by_field, by_list, by_type = (defaultdict(set) for _ in range(3))
        for field in dataset.fields:
            if field.name != "type":
                after = sink_outputs.written(topic.name, sink_outputs.changed(events, field.name))
                sources = by_list if field.type == "array" else by_field
                for column in _different(before, after):
                    sources[column].add(dataset.column(field.name))
        for event in dataset.fields[0].events:
            for column in _different(before, sink_outputs.written(topic.name, sink_outputs.without(events, event))):
                by_type[column].add(f"{dataset.id}.type")
        for column in before:
            found[column] |= by_field.get(column) or by_list.get(column) or by_type[column]
    return found


def _different(before: sink_outputs.Outputs, after: sink_outputs.Outputs) -> list[str]:
    return [column for column in before.keys() | after.keys() if before.get(column) != after.get(column)]


@pytest.mark.parametrize("system", STORES)
def test_each_column_comes_from_the_fields_that_the_map_says(
    system: str, graph: Graph, origins: dict[str, set[str]]
) -> None:
    mapped = {
        dataset.column(field.name): {edge.source for edge in graph.edges(dataset.column(field.name), "up")}
        for dataset in graph.datasets.values()
        if dataset.system == system
        for field in dataset.fields
    }
    said = {column: sources for column, sources in mapped.items() if sources}
    assert said == {column: found for column, found in origins.items() if column.startswith(f"{system}.")}


def test_a_store_without_a_schema_has_the_topics_of_its_sink() -> None:
    read = {
        system: {
            source.partition(".")[0]
            for entry in metadata.load(system).content.datasets.values()
            for field in entry.fields.values()
            for source in field.sources
        }
        for system in sinks.DECLARED
    }
    assert read == {
        "dynamodb": {part.topic for part in ITEMS},
        "mongodb": {part.topic for part in DOCUMENTS},
        "redis": set(RedisSink.topics),
    }
