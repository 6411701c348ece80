"""Windows of columns to rows of bytes, as they go to Kafka: one sorted frame, some of its values broken on purpose."""

from __future__ import annotations

import polars as pl

from shoplake import contract
from shopsim import faults
from shopsim.scenario import Scenario
from shopsim.windows import Window

TOPIC = pl.Enum(list(contract.TOPICS))
TYPE = pl.Enum(list(contract.EVENTS))
ORDER = ("occurred_at_ms", "lane", "seq")
SCHEMA = pl.Schema(
    [
        ("occurred_at_ms", pl.Int64),
        ("lane", pl.Int16),
        ("seq", pl.Int64),
        ("topic", TOPIC),
        ("type", TYPE),
        ("key", pl.String),
        ("value", pl.Binary),
        ("fault", pl.String),
    ]
)
"""Columns of `EncodedWindow.rows`."""

_TOPIC_OF = {contract.type_name(event): topic for topic in contract.TOPICS.values() for event in topic.events}


def encode(scenario: Scenario, seed: int, window: Window) -> pl.DataFrame:
    """All events of a window as rows with the columns of `SCHEMA`, sorted by (occurred_at_ms, lane, seq)."""
    parts = [_encoded(name, frame) for name, frame in window.frames.items() if frame.height]
    if not parts:
        return SCHEMA.to_frame()
    rows = pl.concat(parts, rechunk=True)
    rows = rows.with_columns(faults.chosen(scenario.faults, seed, window.index, rows))
    return _break(rows).sort(ORDER)


def _encoded(event_type: str, frame: pl.DataFrame) -> pl.DataFrame:
    topic = _TOPIC_OF[event_type]
    return frame.select(
        *ORDER,
        pl.lit(topic.name, dtype=TOPIC).alias("topic"),
        pl.lit(event_type, dtype=TYPE).alias("type"),
        pl.col(topic.key).alias("key"),
        pl.Series("value", contract.encode(event_type, frame), dtype=pl.Binary),
    )


def _break(rows: pl.DataFrame) -> pl.DataFrame:
    hit = rows["fault"].is_not_null().arg_true()
    if hit.is_empty():
        return rows
    some = rows[hit]
    values = [
        faults.broken(value, fault, seq)
        for value, fault, seq in zip(some["value"], some["fault"], some["seq"], strict=True)
    ]
    return rows.with_columns(rows["value"].scatter(hit, pl.Series(values, dtype=pl.Binary)))
