"""Where personal data is, and which columns name a person: from the map of all datasets, never declared twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shoplake.map.graph import RECORDS

if TYPE_CHECKING:
    from shoplake.map.graph import Dataset, Graph

CUSTOMER, SESSION = "customer_id", "session_id"
"""Fields of events that name a person. Sessions belong to the customer who is logged in."""
WITHOUT_ROWS = ("kafka", "metrics", "dashboards", "jobs", *RECORDS)
"""Systems whose datasets are not tables of rows. The records of Kafka are searched as bytes."""


@dataclass(frozen=True, slots=True)
class PersonalColumn:
    """A column with personal data.

    Attributes:
        fields: of events, whose values it has.
    """

    dataset: str
    column: str
    owner: str
    fields: tuple[str, ...]


def personal(graph: Graph) -> list[PersonalColumn]:
    """All personal columns, in the order of the map."""
    return [
        PersonalColumn(one.id, field.name, one.owner, _origins(graph, one, field.name))
        for one in graph.datasets.values()
        for field in one.fields
        if field.data_class == "personal"
    ]


def keys(graph: Graph) -> Mapping[str, Mapping[str, str]]:
    """Dataset -> column -> the field of events that it has the value of: `customer_id` or `session_id`."""
    found: dict[str, dict[str, str]] = {}
    for one in graph.datasets.values():
        if one.system in WITHOUT_ROWS:
            continue
        for field in one.fields:
            names = {origin.rpartition(".")[2] for origin in _origins(graph, one, field.name)}
            if names <= {CUSTOMER, SESSION} and names:
                found.setdefault(one.id, {})[field.name] = CUSTOMER if CUSTOMER in names else SESSION
    return found


def _origins(graph: Graph, dataset: Dataset, column: str) -> tuple[str, ...]:
    full = dataset.column(column)
    fields = (name for name in graph.reached_by_value(full, "up") if name.startswith("kafka."))
    return (full,) if dataset.system == "kafka" else tuple(sorted(fields))
