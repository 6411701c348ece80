"""Kafka topics: those of events from the contract, the others from the structs of their records."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from shoplake.contract import (
    CONTRACTS,
    DEAD_LETTER_PROGRESS,
    DEAD_LETTERS,
    OUTCOMES,
    PUBLISH_PROGRESS,
    Event,
    Topic,
    type_name,
)
from shoplake.contract.data_classes import data_class_of, strictest
from shoplake.contract.history import Version
from shoplake.contract.schema import event_schema, fields, not_null
from shoplake.map.graph import Dataset, Edge, Field
from shoplake.map.metadata import Metadata
from shoplake.map.readers import Part
from shoplake.publish.progress_records import Published
from shoplake.streaming.dead_letters.progress import DeadLetterProgress
from shoplake.streaming.dead_letters.router import DeadLetter
from shoplake.streaming.dead_letters.store import Outcome

RECORDS: Mapping[str, type[msgspec.Struct]] = {
    DEAD_LETTERS: DeadLetter,
    OUTCOMES: Outcome,
    DEAD_LETTER_PROGRESS: DeadLetterProgress,
    PUBLISH_PROGRESS: Published,
    CONTRACTS: Version,
}
"""Topics that are not of events -> the struct of their records."""
_ROLE = re.compile(r"Topic `[\w-]+`, keyed by \w+: (.*?)\.?$")


def read(metadata: Metadata, topics: Mapping[str, Topic]) -> Part:
    """All topics; every event topic flows into the dead letters."""
    found = [*(_events(topic) for topic in topics.values()), *(_records(name) for name in RECORDS)]
    edges = [Edge("jobs.generate", f"kafka.{name}") for name in (*topics, PUBLISH_PROGRESS)]
    edges += [Edge(f"kafka.{name}", f"kafka.{DEAD_LETTERS}", "jobs.dead-letter-router") for name in topics]
    edges += [Edge(f"kafka.{name}", f"kafka.{DEAD_LETTER_PROGRESS}", "jobs.dead-letter-router") for name in topics]
    edges += [
        Edge(f"kafka.{DEAD_LETTERS}", f"kafka.{OUTCOMES}", "jobs.replay"),
        Edge("jobs.generate", "kafka.contracts"),
    ]
    return Part(metadata.completed(found), edges)


def _events(topic: Topic) -> Dataset:
    module = sys.modules[topic.events[0].__module__]
    role = _ROLE.match((module.__doc__ or "").split("\n")[0])
    return Dataset(
        system="kafka",
        name=topic.name,
        kind="topic",
        description=f"{role[1][0].upper()}{role[1][1:]}." if role else "",
        fields=tuple(_fields(topic)),
        source=_source(topic.events[0]),
        grain="one record per event",
    )


def _fields(topic: Topic) -> Iterator[Field]:
    """The union of the fields of all events; parts of a list of objects follow it as `lines[].quantity`."""
    yield Field("type", "string", "What happened.", events=tuple(map(type_name, topic.events)))
    holders: dict[str, list[tuple[type[Event], Mapping[str, Any]]]] = {}
    for event in topic.events:
        for name, schema in fields(event_schema(event)):
            if name != "type":
                holders.setdefault(name, []).append((event, schema))
    for name, found in holders.items():
        schemas = [_present(schema) for _, schema in found]
        yield Field(
            name=name,
            type=str(schemas[0].get("type", "any")),
            description=next((text for one in schemas if (text := one.get("description", ""))), ""),
            key=name == topic.key,
            data_class=strictest(data_class_of(event, name) for event, _ in found),
            events=tuple(type_name(event) for event, _ in found),
        )


def _present(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of a value that is not null."""
    return {**not_null(schema), **{key: text for key, text in schema.items() if key == "description"}}


def _records(name: str) -> Dataset:
    struct = RECORDS[name]
    return Dataset(
        system="kafka",
        name=name,
        kind="topic",
        description=(inspect.getdoc(struct) or "").split("\n")[0],
        fields=tuple(Field(one.name, _type(one.type)) for one in msgspec.structs.fields(struct)),
        source=_source(struct),
        grain="one record per change",
    )


def _type(hint: Any) -> str:  # noqa: ANN401 - any annotation
    kinds = {str: "string", int: "integer", bool: "boolean", float: "number"}
    args = [one for one in getattr(hint, "__args__", ()) if one is not type(None)]
    if hint in kinds:
        return kinds[hint]
    if len(args) == 1 and getattr(hint, "__origin__", None) is None:  # X | None
        return _type(args[0])
    if args and all(isinstance(one, str) for one in args):  # Literal
        return "string"
    return "array" if getattr(hint, "__origin__", None) in (list, tuple) else "object"


def _source(struct: type[Any]) -> str:
    return f"src/{struct.__module__.replace('.', '/')}.py"
