"""What the sinks write: tables of Postgres, items of DynamoDB, documents of MongoDB, keys of Redis, tables of the lake.

Postgres says itself which fields make a column: its mapping is a table of expressions. The other stores do it in code,
so their metadata declares it as `sources`. A test folds events with each sink and compares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from shoplake.contract import Topic
from shoplake.errors import MapError
from shoplake.map import yaml_files
from shoplake.map.graph import Dataset, Edge, Field
from shoplake.map.metadata import Metadata
from shoplake.map.readers import Part
from shoplake.sinks.postgres import event_columns
from shoplake.sinks.postgres.model import METADATA
from shopsim.scenario.type_checks import nearest

if TYPE_CHECKING:
    import polars as pl
    from pyiceberg.types import NestedField

DECLARED = {"dynamodb": "jobs.sink-dynamodb", "mongodb": "jobs.sink-mongo", "redis": "jobs.sink-redis"}
"""Stores whose fields are in the metadata -> the sink that writes them."""
POSTGRES, LAKE = "jobs.sink-postgres", "jobs.sink-lake"
_BOOKKEEPING = ("kafka_partition", "kafka_offset")


def postgres(metadata: Metadata, topics: Mapping[str, Dataset]) -> Part:
    """The tables of the schema `shop`, and the event fields that each column is made from."""
    tables = [
        Dataset(
            system="postgres",
            name=table.name,
            kind="table",
            address=f"shop.{table.name}",
            fields=tuple(
                Field(column.name, str(column.type).lower(), key=column.primary_key) for column in table.columns
            ),
            source="src/shoplake/sinks/postgres/model.py",
        )
        for table in METADATA.tables.values()
    ]
    edges = [
        Edge(f"kafka.{mapping.topic}.{field}", f"postgres.{mapping.name}.{column}", POSTGRES)
        for mapping in event_columns.TABLES
        for column, fields in _origins(mapping, topics[mapping.topic])
        for field in fields
    ]
    bookkeeping = METADATA.tables.keys() - {f"shop.{mapping.name}" for mapping in event_columns.TABLES}
    edges += [
        Edge(f"kafka.{topic}", name.replace("shop.", "postgres."), POSTGRES)
        for topic in sorted(event_columns.TOPICS)
        for name in sorted(bookkeeping)
    ]
    return Part(metadata.completed(tables), edges)


def _origins(mapping: event_columns.Table, topic: Dataset) -> Iterator[tuple[str, list[str]]]:
    for key in mapping.keys:
        yield key, [_of_topic(key, topic)]
    for column, expression in {**mapping.last, **mapping.sums}.items():
        yield column, [_of_topic(name, topic) for name in _read(expression)]


def _read(expression: pl.Expr) -> list[str]:
    """The columns whose values an expression takes. The type of an event counts only where nothing else does."""
    roots = list(dict.fromkeys(expression.meta.root_names()))
    return [name for name in roots if name != "type"] or roots


def _of_topic(name: str, topic: Dataset) -> str:
    """A field of the topic; one that `prepare` has taken out of a list, or counted from it, is part of the list."""
    if topic.field(name):
        return name
    lists = [one.name for one in topic.fields if one.type == "array"]
    if not lists:
        raise MapError(f"the sink of Postgres reads {topic.id}.{name}, which no event has", fix="correct the mapping")
    return next((f"{one}[].{name}" for one in lists if topic.field(f"{one}[].{name}")), lists[0])


def declared(metadata: Metadata, topics: Mapping[str, Dataset]) -> Part:
    """The datasets of a store without a schema.

    Raises:
        MapError: a field is said to come from one that no event has.
    """
    job = DECLARED[metadata.system]
    source = f"src/shoplake/map/datasets/{metadata.system}.yaml"
    known = [f"{topic.name}.{field.name}" for topic in topics.values() for field in topic.fields]
    edges = []
    for name, entry in metadata.content.datasets.items():
        for column, field in entry.fields.items():
            for number, origin in enumerate(field.sources):
                if origin not in known:
                    key = f"datasets.{name}.fields.{column}.sources[{number}]"
                    near = nearest(origin, known)
                    raise yaml_files.refusal(metadata.document, key, "a field of an event", f"`{origin}`", near)
                edges.append(Edge(f"kafka.{origin}", f"{metadata.system}.{name}.{column}", job))
    entries = metadata.content.datasets.items()
    bookkeeping = [name for name, entry in entries if not any(field.sources for field in entry.fields.values())]
    topics_read = sorted({edge.source.split(".")[1] for edge in edges})
    edges += [Edge(f"kafka.{topic}", f"{metadata.system}.{name}", job) for topic in topics_read for name in bookkeeping]
    return Part(metadata.completed(metadata.declared(source)), edges)


def lake(metadata: Metadata, topics: Mapping[str, Topic], descriptions: Mapping[str, str]) -> Part:
    """The Iceberg tables, one for each topic.

    Args:
        metadata: of the lake.
        topics: the topics of events.
        descriptions: of the tables, as the dbt project has them.
    """
    from shoplake.sinks.lake.schema import table_schema

    tables, edges = [], []
    for topic in topics.values():
        fields = [field for one in table_schema(topic).fields for field in _flat(one)]
        tables.append(
            Dataset(
                system="lake",
                name=topic.name,
                kind="table",
                description=descriptions.get(topic.name, ""),
                fields=tuple(fields),
                source="src/shoplake/sinks/lake/schema.py",
                grain="one row per event",
            )
        )
        for field in fields:
            origin = "occurred_at_ms" if field.name == "occurred_at" else field.name
            if origin not in _BOOKKEEPING:
                edges.append(Edge(f"kafka.{topic.name}.{origin}", f"lake.{topic.name}.{field.name}", LAKE))
    return Part(metadata.completed(tables), edges)


def _flat(column: NestedField) -> Iterator[Field]:
    """A column, and after a list of structs the fields of the struct."""
    key = column.name in _BOOKKEEPING
    element = getattr(column.field_type, "element_type", None)
    parts = getattr(element, "fields", ())
    yield Field(column.name, "list<struct>" if parts else str(column.field_type), key=key)
    for part in parts:
        yield Field(f"{column.name}[].{part.name}", str(part.field_type))
