"""Windows of columns to rows of bytes, as they go to Kafka: one sorted frame, some of it gone wrong on purpose."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from shoplake import contract
from shopsim import faults
from shopsim.breaking import BREAKING, broken
from shopsim.ordering import ordered
from shopsim.scenario import Scenario
from shopsim.windows import Window

TOPIC = pl.Enum(list(contract.TOPICS))
TYPE = pl.Enum(list(contract.EVENTS))
ORDER = ("published_at_ms", "occurred_at_ms", "lane", "seq")
SCHEMA = pl.Schema(
    [
        ("published_at_ms", pl.Int64),
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


def encode(
    scenario: Scenario,
    seed: int,
    window: Window,
    *,
    topics: Collection[str] = tuple(contract.TOPICS),
    since_ms: int | None = None,
) -> pl.DataFrame:
    """The records that a window's events become: columns of `SCHEMA`, sorted by `ORDER`.

    Args:
        scenario: says which of them go wrong.
        seed: of the simulation.
        window: what happened. Some of it may be published after the window's end.
        topics: only the events of these.
        since_ms: only what is published from then on, UTC milliseconds.
    """
    parts = [
        _encoded(scenario, seed, window.index, name, frame, since_ms)
        for name, frame in window.frames.items()
        if frame.height and contract.TOPIC_OF[name].name in topics
    ]
    if not parts:
        return SCHEMA.to_frame()
    rows = pl.concat(parts, rechunk=True)
    parts.clear()  # or a window would be in memory three times while it is sorted
    return ordered(rows, ORDER)


def _encoded(
    scenario: Scenario, seed: int, window: int, event_type: str, frame: pl.DataFrame, since_ms: int | None
) -> pl.DataFrame:
    topic = contract.TOPIC_OF[event_type]
    records = faults.strike(scenario.faults, seed, window, event_type, frame)
    if since_ms is not None:
        records = records.filter(pl.col("published_at_ms") >= since_ms)
    if since_ms is not None or records.height > frame.height:
        frame = frame[records["event"]]
    rows = frame.select(
        records["published_at_ms"],
        *ORDER[1:],
        pl.lit(topic.name, dtype=TOPIC).alias("topic"),
        pl.lit(event_type, dtype=TYPE).alias("type"),
        pl.col(topic.key).alias("key"),
        contract.encode_column(event_type, frame).alias("value"),
        records["fault"],
    )
    hit = rows["fault"].is_in(BREAKING).fill_null(value=False).arg_true()
    if hit.is_empty():
        return rows
    some = zip(rows["fault"].gather(hit), rows["value"].gather(hit), records["number"].gather(hit), strict=True)
    values = [broken(event_type, fault, value, number) for fault, value, number in some]
    return rows.with_columns(rows["value"].scatter(hit, pl.Series(values, dtype=pl.Binary)))
