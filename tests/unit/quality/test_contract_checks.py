"""What the contract says of an event becomes checks of the lake: simulated events pass, and damage is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import msgspec
import polars as pl
import pytest

import shopsim
from shoplake.contract import TOPIC_OF, TOPICS
from shoplake.contract.reviews import ReviewSubmitted
from shoplake.quality.evaluation import Evaluation
from shoplake.quality.facts import Facts
from shoplake.quality.rules.contract_checks import of_contract
from shoplake.quality.workspace import Loaded, Workspace

NEEDED = {"customer_registered", "product_launched", "order_placed"}
REVIEW = ReviewSubmitted(
    event_id="e1",
    occurred_at_ms=1_800_000_000_000,
    review_id="r1",
    product_id="p1",
    customer_id="c1",
    order_id="o1",
    rating=5,
    title="Good",
    body="Very good.",
)
"""The first review of a simulated shop comes days later than its first order."""
CHECKS = of_contract()


@pytest.fixture(scope="module")
def lake(small: shopsim.Scenario) -> Iterator[Workspace]:
    """A lake with the first events of a shop, until there are some of each type that is damaged below."""
    held: dict[str, list[pl.DataFrame]] = {topic: [] for topic in TOPICS}
    seen: set[str] = set()
    for window in shopsim.simulate(small, 7):
        for event, frame in window.frames.items():
            held[TOPIC_OF[event].name].append(frame.with_columns(type=pl.lit(event)))
            seen |= {event} if len(frame) else set()
        if seen >= NEEDED:
            break
    held["reviews"].append(pl.DataFrame([{"type": "review_submitted", **msgspec.structs.asdict(REVIEW)}]))
    with duckdb.connect() as connection:
        workspace = Workspace(connection, Path(), None, "test", lambda _: None)
        workspace.connection.execute("CREATE SCHEMA lake")
        workspace.add("lake", Loaded({}))
        for topic, frames in held.items():
            frame = pl.concat(frames, how="diagonal").match_to_schema(
                TOPICS[topic].columns, missing_columns="insert", extra_columns="ignore"
            )
            frame = frame.with_row_index("kafka_offset").with_columns(kafka_partition=pl.lit(0))
            workspace.connection.register("frame", frame.to_arrow())
            workspace.connection.execute(f'CREATE TABLE lake."{topic}" AS FROM frame')
            workspace.connection.unregister("frame")
        yield workspace


def failing(lake: Workspace, topic: str) -> dict[str, tuple[str, ...]]:
    results = Evaluation(lake, Facts({})).results([check for check in CHECKS if check.dataset == f"lake.{topic}"])
    return {one.check: one.failing_keys for one in results if one.outcome != "passed"}


@pytest.mark.parametrize("topic", TOPICS)
def test_simulated_events_pass(lake: Workspace, topic: str) -> None:
    assert failing(lake, topic) == {}


DAMAGE = {
    "a required field of all events": ("clicks", "session_id", "NULL", "", "completeness(session_id)"),
    "a required field of one event": (
        "orders", "total_cents", "NULL", "type = 'order_placed'", "completeness(total_cents)"
    ),
    "an enum": ("clicks", "device", "'watch'", "type = 'session_started'", "set_membership(device)"),
    "an enum that differs by event": (
        "orders", "reason", "'fraud', type = 'order_cancelled'", "", "set_membership(reason) of order_cancelled"
    ),
    "an unknown type": ("reviews", "type", "'review_liked'", "", "set_membership(type)"),
    "a bound": ("reviews", "rating", "6", "type = 'review_submitted'", "range(rating)"),
    "a bound in a list": (
        "orders",
        "lines",
        "[{'product_id': 'p1', 'quantity': 0, 'unit_price_cents': 100}]",
        "type = 'order_placed'",
        "range(lines[].quantity)",
    ),
    "a list without items": ("orders", "lines", "[]", "type = 'order_placed'", "items(lines)"),
    "a pattern": ("customers", "country", "'de'", "type = 'customer_registered'", "pattern(country)"),
    "a length": ("inventory", "warehouse_id", "''", "", "length(warehouse_id)"),
    "a place that is there twice": (
        "products", "kafka_offset", "1", "kafka_offset = 0", "uniqueness(kafka_partition, kafka_offset)"
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_with_its_place_in_the_log(lake: Workspace, damage: str) -> None:
    topic, column, value, where, check = DAMAGE[damage]
    condition = f"WHERE {where}" if where else ""
    ((offset,),) = lake.rows(f'SELECT min(kafka_offset) FROM lake."{topic}" {condition}')
    lake.connection.execute("BEGIN")
    try:
        lake.connection.execute(f'UPDATE lake."{topic}" SET "{column}" = {value} WHERE kafka_offset = {offset}')
        found = failing(lake, topic)
    finally:
        lake.connection.execute("ROLLBACK")
    place = f"{topic}-0@{1 if column == 'kafka_offset' else offset}"
    assert found[check][0] == place
    assert all(keys[0] == place for keys in found.values())
