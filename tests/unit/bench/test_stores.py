"""What is written bare has to be what the sink would write."""

from __future__ import annotations

import functools

import polars as pl

from shoplake.bench import scenario
from shoplake.bench.stores import redis
from shoplake.bench.stores.keyed import writes
from shoplake.contract import TOPICS, decode
from shoplake.sinks.base import Batch, OffsetRange, TopicPartition
from shoplake.sinks.dynamodb.items import PARTS
from shoplake.sinks.redis.sink import hash_changes

EVENTS = 25_000


def batch(topic: str, rows: pl.DataFrame, start: int) -> Batch:
    events = decode(topic, rows["value"].to_list()).events.select(*TOPICS[topic].columns)
    placed = events.with_columns(
        partition=pl.lit(0, pl.Int32), offset=pl.int_range(start, start + len(events), dtype=pl.Int64)
    )
    return Batch({topic: placed}, {TopicPartition(topic, 0): OffsetRange(start, start + len(events))})


@functools.cache
def published() -> pl.DataFrame:
    return pl.concat([window.rows for window in scenario.run_of(EVENTS).stream()])


def batches(topic: str) -> tuple[Batch, Batch, Batch]:
    """The events of a topic at once, and in two halves."""
    rows = published().filter(pl.col("topic") == topic)
    half = len(rows) // 2
    assert half > 100
    return batch(topic, rows, 0), batch(topic, rows[:half], 0), batch(topic, rows[half:], half)


def test_items_come_to_the_same_in_one_batch_or_in_two() -> None:
    whole, *halves = batches("clicks")
    (_, at_once), (_, first), (_, second) = *writes(PARTS, [whole]), *writes(PARTS, halves)
    last = {**first, **second}
    assert {key: item | {"rev": 1} for key, item in last.items()} == dict(at_once)
    assert len(first.keys() & second.keys()) > 0
    assert all(second[key]["rev"] == 2 for key in first.keys() & second.keys())


def test_the_boards_values_are_sums_of_all_changes_so_far() -> None:
    whole, *halves = batches("inventory")
    (at_once,) = redis._totals([hash_changes(whole)])
    first, second = redis._totals(map(hash_changes, halves))
    last = {**first["shoplake:stock"], **second["shoplake:stock"]}
    assert {name: amount for name, amount in last.items() if amount} == at_once["shoplake:stock"]
