"""What the sinks write for a few events, by column: the values of `mongodb.customers.profile.email`, and so on.

The events have a different value in each field, and one entity of each kind. So a changed field shows where it goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, TypeAlias

import polars as pl

from shoplake.contract import TOPICS, Event, Topic, columns_of, type_name
from shoplake.map import metadata
from shoplake.sinks.base import Batch
from shoplake.sinks.dynamodb import items
from shoplake.sinks.keyed import Part, fold_items
from shoplake.sinks.mongo import documents
from shoplake.sinks.postgres.event_columns import TABLES
from shoplake.sinks.redis.sink import hash_changes, sorted_set_changes

Events: TypeAlias = list[dict[str, Any]]
Outputs: TypeAlias = dict[str, list[str]]
START_MS, DAY_MS, MINUTE_MS = 1_704_067_200_000, 86_400_000, 60_000
KEY_NAMES = {
    "dynamodb": {"sessions": ("pk",), "orders": ("pk", "sk")},
    "mongodb": {"customers": ("_id",), "products": ("_id",)},
}


def events(topic: Topic) -> Events:
    """Some events of every type of a topic."""
    return [row for event in topic.events for row in _rows(topic, event)]


def _rows(topic: Topic, event: type[Event]) -> Iterator[dict[str, Any]]:
    number = topic.events.index(event)
    if type_name(event) != "review_submitted":
        yield _row(event, number)
        return
    for rating in (1, 2, 3, 4, 5):  # a column for each
        yield _row(event, number) | {"rating": rating, "review_id": f"review {rating}"}


def _row(event: type[Event], number: int) -> dict[str, Any]:
    if type_name(event) == "cart_item_removed":  # of another product, so that the cart is not empty
        return {"type": "cart_item_removed", "session_id": "one session_id", "product_id": "removed"} | {
            "occurred_at_ms": START_MS + number * MINUTE_MS
        }
    values = {name: _value(name, kind, type_name(event), number) for name, kind in columns_of(event).items()}
    return {"type": type_name(event)} | values | {"occurred_at_ms": START_MS + number * MINUTE_MS}


def _value(name: str, kind: Any, event: str, number: int) -> Any:
    if name.endswith("_id"):
        return f"one {name}"
    if isinstance(kind, pl.List):
        parts = {field.name: _value(field.name, field.dtype, event, number) for field in kind.inner.fields}
        return [parts]
    if kind == pl.Int64:
        return 100 + 7 * number + sum(map(ord, name)) % 50
    return number % 2 == 0 if kind == pl.Boolean else f"{name} of {event}"


def changed(before: Events, field: str) -> Events:
    """The events with another value in one field, in all events that have it."""
    name, _, inside = field.partition("[].")

    def change(value: Any) -> Any:
        if inside and value is not None:
            return [{**part, inside: _other(inside, part[inside])} for part in value]
        return _other(name, value)

    return [{**row, name: change(row[name])} if row.get(name) is not None else row for row in before]


def _other(name: str, value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if name == "rating":
        return 1
    if name == "occurred_at_ms":
        return value + 3 * DAY_MS + 5 * MINUTE_MS
    if isinstance(value, list):
        return [*value, {**value[0], "product_id": "another"}]
    return value + 1000 if isinstance(value, int) else f"{value}, changed"


def without(before: Events, event: str) -> Events:
    """The events without those of one type."""
    return [row for row in before if row["type"] != event]


def written(topic: str, given: Events) -> Outputs:
    """The sorted values of each column of Postgres, DynamoDB, MongoDB and Redis after these events of a topic."""
    rows = frame(topic, given)
    dynamodb = _keyed("dynamodb", items.PARTS, topic, rows)
    mongodb = _keyed("mongodb", documents.PARTS, topic, rows)
    found: dict[str, list[str]] = {}
    for column, value in (*_postgres(topic, rows), *dynamodb, *mongodb, *_redis(topic, rows)):
        if value is not None:
            found.setdefault(column, []).append(repr(value))
    return {column: sorted(values) for column, values in found.items()}


def frame(topic: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """The events of a topic as a sink gets them."""
    schema = {**TOPICS[topic].columns, "partition": pl.Int32, "offset": pl.Int64}
    return pl.DataFrame([row | {"partition": 0, "offset": at} for at, row in enumerate(rows)], schema=schema)


def _postgres(topic: str, frame: pl.DataFrame) -> Iterator[tuple[str, Any]]:
    for table in (one for one in TABLES if one.topic == topic):
        for row in table.rows(frame).to_dicts():
            yield from ((f"postgres.{table.name}.{column}", value) for column, value in row.items())


def _keyed(system: str, parts: tuple[Part, ...], topic: str, frame: pl.DataFrame) -> Iterator[tuple[str, Any]]:
    for part in (one for one in parts if one.topic == topic):
        for key, item in fold_items(frame, part, {}).items():
            names = KEY_NAMES[system][part.collection]
            for name, value in (*zip(names, key, strict=True), *item.items()):
                if name not in ("folded", "rev"):
                    yield from _flat(f"{system}.{part.collection}.{name}", value)


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if name.endswith(".cart"):
        yield name, sorted(value)
        for entry in value.values():
            yield from ((f"{name}[].{inside}", one) for inside, one in entry.items())
    elif isinstance(value, dict):
        for inside, one in value.items():
            yield from _flat(f"{name}.{inside}", one)
    else:
        yield name, value


def _redis(topic: str, frame: pl.DataFrame) -> Iterator[tuple[str, Any]]:
    batch = Batch({topic: frame}, {})
    for key, changes in (*hash_changes(batch), *sorted_set_changes(batch)):
        name, parts = redis_dataset(key)
        columns = _board()[name].fields
        field = next(column for column, one in columns.items() if one.type in ("hash field", "member"))
        value = next(column for column, one in columns.items() if one.type in ("hash value", "score"))
        yield from ((f"redis.{name}.{column}", text) for column, text in parts.items())
        for entry, amount in zip(changes[::2], changes[1::2], strict=True):
            yield f"redis.{name}.{field}", entry
            yield f"redis.{name}.{value}", amount


@cache
def _board() -> Mapping[str, metadata.DatasetEntry]:
    return metadata.load("redis").content.datasets


def redis_dataset(key: str) -> tuple[str, dict[str, str]]:
    """The dataset whose key pattern a key has, and the parts of the key."""
    for name, entry in _board().items():
        pattern = re.sub(r"<(\w+)>", r"(?P<\1>[^:]+)", entry.address)
        if found := re.fullmatch(pattern, key):
            return name, found.groupdict()
    raise AssertionError(f"no key pattern of redis.yaml fits {key}")
