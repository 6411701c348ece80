"""The types of the map: datasets with their columns, the edges of lineage between them, and walks along the edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from shoplake.contract.data_classes import DataClass, strictest

Direction: TypeAlias = Literal["up", "down"]
RECORDS = ("quality", "lineage", "dagster")
"""Schemas of Postgres with what the platform records about itself. They have no data of the shop."""
SYSTEMS = (
    "kafka",
    "postgres",
    "dynamodb",
    "mongodb",
    "redis",
    "lake",
    "silver",
    "gold",
    "metrics",
    "dashboards",
    "jobs",
    *RECORDS,
)
"""In the order in which data flows through them."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old a dataset may be, in seconds; None is no objective.

    Attributes:
        event_time_s: how long ago the newest event in it may have happened.
        arrival_s: how long ago it may have been written last, while its sources have newer events.
    """

    event_time_s: int | None = None
    arrival_s: int | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a table, a field of an event, an attribute of an item or document, or a part of a key.

    Attributes:
        name: within the dataset; a part of a nested value has its path (`profile.email`, `lines[].quantity`).
        type: as the source writes it.
        key: whether it belongs to the key that identifies a row.
        data_class: the class of its values.
        class_reason: reason for this class; empty if it is the contract's mark of the field.
        events: types of the events that have the field. Empty for everything but topics of events.
    """

    name: str
    type: str = ""
    description: str = ""
    key: bool = False
    data_class: DataClass = "internal"
    class_reason: str = ""
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """Something that holds or shows data, or a job that moves it.

    Attributes:
        system: one of `SYSTEMS`.
        name: within the system.
        kind: topic, table, collection, key pattern, model, view, metric, dashboard, schema or job.
        source: the file that declares it, relative to the project.
        grain: what one row is.
        address: its name in the server if it differs: `shoplake:revenue:<day>:<currency>`.
        unit: of a metric.
    """

    system: str
    name: str
    kind: str
    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    freshness: Freshness = Freshness()
    source: str = ""
    grain: str = ""
    address: str = ""
    unit: str = ""

    @property
    def id(self) -> str:
        """The full name: `gold.fct_orders`."""
        return f"{self.system}.{self.name}"

    @property
    def data_class(self) -> DataClass:
        """The strictest class of its columns; a dataset without columns is internal."""
        return strictest(field.data_class for field in self.fields)

    def field(self, name: str) -> Field | None:
        """The column of that name, if there is one."""
        return next((one for one in self.fields if one.name == name), None)

    def column(self, name: str) -> str:
        """The full name of a column: `gold.fct_orders.total_cents`."""
        return f"{self.id}.{name}"


@dataclass(frozen=True, slots=True)
class Edge:
    """Values of `source` become values of `target`. Both are datasets, or both are columns, by their full names.

    Attributes:
        job: the full name of the job that moves them, empty where the dataset computes them itself (a metric).
        condition: whether the values only decide which rows count. They are not in the target, so it does not get
            their data class.
    """

    source: str
    target: str
    job: str = ""
    condition: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """A dataset, or one of its columns."""

    dataset: Dataset
    column: str | None = None

    def __str__(self) -> str:
        return self.dataset.id if self.column is None else self.dataset.column(self.column)


@dataclass(frozen=True)
class Graph:
    """All datasets and edges. An edge between columns is one between their datasets too.

    Attributes:
        datasets: by full name, in the order in which data flows.
        columns: edges between columns.
        flows: edges between datasets, each once.
    """

    datasets: Mapping[str, Dataset]
    columns: Sequence[Edge]
    flows: Sequence[Edge]
    _into: Mapping[str, Sequence[Edge]] = field(repr=False)
    _out_of: Mapping[str, Sequence[Edge]] = field(repr=False)

    @classmethod
    def of(cls, datasets: Iterable[Dataset], edges: Iterable[Edge]) -> Graph:
        """Make a graph.

        Args:
            datasets: in any order.
            edges: between columns, between datasets, or both.

        Raises:
            ValueError: two datasets have one name, or an edge has an end that is not on the map.
        """

        ordered = sorted(datasets, key=lambda one: SYSTEMS.index(one.system))
        known = {one.id: one for one in ordered}
        if len(known) < len(ordered):
            twice = sorted(name for name in known if sum(one.id == name for one in ordered) > 1)
            raise ValueError(f"on the map twice: {', '.join(twice)}")
        owner_of = {one.column(part.name): one.id for one in ordered for part in one.fields}
        owner_of |= {name: name for name in known}
        all_edges = list(dict.fromkeys(edges))
        for edge in all_edges:
            for end in (edge.source, edge.target, edge.job or edge.source):
                if end not in owner_of:
                    raise ValueError(f"the edge {edge.source} -> {edge.target} names {end}, which is not on the map")
        columns = [edge for edge in all_edges if edge.source not in known]
        flows = list(dict.fromkeys(Edge(owner_of[one.source], owner_of[one.target], one.job) for one in all_edges))
        into: dict[str, list[Edge]] = {}
        out_of: dict[str, list[Edge]] = {}
        for edge in (*columns, *flows):
            into.setdefault(edge.target, []).append(edge)
            out_of.setdefault(edge.source, []).append(edge)
        for job in dict.fromkeys(edge.job for edge in flows if edge.job):
            # A job is no step of a walk that begins elsewhere. What it makes on the way is not what it reads.
            own = [edge for edge in flows if edge.job == job]
            written = dict.fromkeys(edge.target for edge in own)
            read = dict.fromkeys(edge.source for edge in own if edge.source not in written)
            into.setdefault(job, []).extend(Edge(name, job) for name in read)
            out_of.setdefault(job, []).extend(Edge(job, name) for name in written)
        return cls(known, columns, flows, into, out_of)

    def edges(self, name: str, direction: Direction) -> Sequence[Edge]:
        """The edges that end (`up`) or begin (`down`) at a dataset or a column."""
        return (self._into if direction == "up" else self._out_of).get(name, ())

    def walk(self, name: str, direction: Direction) -> Iterator[Edge]:
        """Every edge upstream or downstream of a dataset or a column, the nearest first, each once."""
        seen, level = {name}, [name]
        while level:
            below: list[str] = []
            for one in level:
                for edge in self.edges(one, direction):
                    yield edge
                    end = edge.source if direction == "up" else edge.target
                    if end not in seen:
                        seen.add(end)
                        below.append(end)
            level = below

    def reached_by_value(self, name: str, direction: Direction) -> list[str]:
        """As `reached`, without what only a condition leads to."""
        found = [name]
        for one in found:
            for edge in self.edges(one, direction):
                end = edge.source if direction == "up" else edge.target
                if not edge.condition and end not in found:
                    found.append(end)
        return found[1:]

    def reached(self, name: str, direction: Direction) -> list[str]:
        """The full names of everything upstream or downstream, the nearest first, without `name` itself."""
        ends = (edge.source if direction == "up" else edge.target for edge in self.walk(name, direction))
        return [end for end in dict.fromkeys(ends) if end != name]
