"""Datasets and columns of the map as JSON."""

from __future__ import annotations

from typing import Any

from shoplake.map.graph import Dataset, Direction, Field, Graph


def summary(dataset: Dataset) -> dict[str, Any]:
    """The facts of a dataset, without its columns."""
    return {
        "dataset": dataset.id,
        "system": dataset.system,
        "kind": dataset.kind,
        "description": dataset.description,
        "owner": dataset.owner,
        "tags": list(dataset.tags),
        "data_class": dataset.data_class,
        "grain": dataset.grain or None,
        "unit": dataset.unit or None,
        "address": dataset.address or None,
        "freshness": {"event_time_s": dataset.freshness.event_time_s, "arrival_s": dataset.freshness.arrival_s},
        "source": dataset.source,
        "number_of_columns": len(dataset.fields),
    }


def column(field: Field) -> dict[str, Any]:
    """The facts of a column."""
    return {
        "name": field.name,
        "type": field.type,
        "description": field.description,
        "key": field.key,
        "data_class": field.data_class,
        "class_reason": field.class_reason or None,
        "events": list(field.events),
    }


def neighbours(graph: Graph, name: str, direction: Direction) -> list[str]:
    """The datasets that a dataset comes from (`up`) or goes to (`down`) in one step."""
    ends = (edge.source if direction == "up" else edge.target for edge in graph.edges(name, direction))
    return list(dict.fromkeys(ends))


def complete(graph: Graph, dataset: Dataset) -> dict[str, Any]:
    """A dataset with its columns and its neighbours."""
    return {
        **summary(dataset),
        "columns": [column(one) for one in dataset.fields],
        "upstream": neighbours(graph, dataset.id, "up"),
        "downstream": neighbours(graph, dataset.id, "down"),
    }
