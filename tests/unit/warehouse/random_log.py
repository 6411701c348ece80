"""Random logs: each event of the contract, late up to 30 days, doubled, and replayed.

Few keys and few moments make frequent what a build by key can get wrong: an order without its placement, two events of
one moment, a payment whose currency is known late, an event that changes the first day of a session.

A log has the events of several shops. They have no key in common, so each has an order of arrival of its own, and
a build costs almost as much for one shop as for all.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import msgspec
import polars as pl

from shoplake.contract import TOPICS, type_name

DAY_MS = 86_400_000
START_MS = 1_704_067_200_000  # 2024-01-01T00:00Z
DAYS = 80
LATEST_DAYS = 30
MOMENTS_PER_DAY = 4
PARTITIONS = 3
IDS_OF_A_KIND = 4
Log = Mapping[str, pl.DataFrame]
"""Topic -> its records in order of arrival, with `kafka_partition` and `kafka_offset`."""
Row = dict[str, Any]


def random_log(draw: random.Random, shops: int, events: int) -> Log:
    """Draw a log of so many shops with so many events each."""
    kinds = [(topic.name, event) for topic in TOPICS.values() for event in topic.events]
    arriving: dict[str, list[tuple[int, Row]]] = {topic: [] for topic in TOPICS}
    for n in range(shops * events):
        topic, event = draw.choice(kinds)
        row = _event(draw, event, n % shops) | {"event_id": f"e{n}"}
        for arrival in _arrivals(draw, row["occurred_at_ms"]):
            arriving[topic].append((arrival, row))
        if arriving[topic] and draw.random() < 0.02:  # another program's event may have an id that is taken
            arriving[topic].append((arrival, row | {"event_id": draw.choice(arriving[topic])[1]["event_id"]}))
    return {topic: _log(topic, rows) for topic, rows in arriving.items()}


def _arrivals(draw: random.Random, occurred_at_ms: int) -> list[int]:
    """When the records of an event arrive: one late in eight, one doubled in ten, one replayed in ten."""
    late = draw.randrange(LATEST_DAYS * DAY_MS) if draw.random() < 1 / 8 else 0
    arrivals = [occurred_at_ms + late]
    if draw.random() < 0.1:
        arrivals.append(arrivals[0])
    if draw.random() < 0.1:
        arrivals.append(occurred_at_ms + draw.randrange(2 * LATEST_DAYS * DAY_MS))
    return arrivals


def _event(draw: random.Random, event: type[Any], shop: int) -> Row:
    described = msgspec.inspect.type_info(event)
    assert isinstance(described, msgspec.inspect.StructType)
    row = {field.name: _value(draw, field.name, field.type, shop) for field in described.fields}
    moment = draw.randrange(DAYS * MOMENTS_PER_DAY) * DAY_MS // MOMENTS_PER_DAY
    return row | {"type": type_name(event), "occurred_at_ms": START_MS + moment}


def _value(draw: random.Random, name: str, kind: msgspec.inspect.Type, shop: int) -> Any:
    match kind:
        case msgspec.inspect.Metadata():
            return _value(draw, name, kind.type, shop)
        case msgspec.inspect.UnionType():
            if draw.random() < 0.3:
                return None
            (present,) = (one for one in kind.types if not isinstance(one, msgspec.inspect.NoneType))
            return _value(draw, name, present, shop)
        case msgspec.inspect.LiteralType():
            return draw.choice(kind.values)
        case msgspec.inspect.ListType():
            return [_value(draw, name, kind.item_type, shop) for _ in range(draw.randint(1, 3))]
        case msgspec.inspect.StructType():
            return {field.name: _value(draw, field.name, field.type, shop) for field in kind.fields}
        case msgspec.inspect.BoolType():
            return draw.random() < 0.5
        case msgspec.inspect.IntType():
            return draw.randint(1, 5)
        case msgspec.inspect.StrType() if name.endswith("currency"):
            return draw.choice(["EUR", "GBP"])
        case msgspec.inspect.StrType() if name.endswith("_id"):
            return f"{name[0]}{shop * IDS_OF_A_KIND + draw.randrange(IDS_OF_A_KIND)}"
        case msgspec.inspect.StrType():
            return f"{name} {draw.randrange(3)}"
    raise TypeError(f"expected a type that random events know, found {kind} for {name}")


def _log(topic: str, arriving: list[tuple[int, Row]]) -> pl.DataFrame:
    columns = TOPICS[topic].columns
    rows = [row for _, row in sorted(arriving, key=lambda pair: pair[0])]
    next_offsets = dict.fromkeys(range(PARTITIONS), 0)
    places = []
    for row in rows:
        partition = int(row[TOPICS[topic].key][1:]) % PARTITIONS
        places.append((partition, next_offsets[partition]))
        next_offsets[partition] += 1
    frame = pl.DataFrame(rows, schema=dict(columns))
    return frame.with_columns(
        kafka_partition=pl.Series([partition for partition, _ in places], dtype=pl.Int32),
        kafka_offset=pl.Series([offset for _, offset in places], dtype=pl.Int64),
    )
