"""Checks on a loaded stack: clean rows pass, one planted damage in each store is found, and results are kept.

The damage is repaired, so that files after this one have exact stores.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql
from pymongo import MongoClient
from typer.testing import CliRunner

from shoplake import aws
from shoplake.cli.main import app
from shoplake.quality import history, run
from shoplake.quality.facts import Facts
from shoplake.quality.freshness import ages
from shoplake.quality.map_facts import facts_of
from shoplake.quality.results import Report, Result
from shoplake.settings import Settings
from shoplake.sinks.lake.tables import open_catalog

from .row_damage import board_of

pytestmark = [pytest.mark.stack]
Planted = tuple[str, str, str]
"""(dataset, check, failing key)"""


def evaluated(settings: Settings) -> list[Result]:
    found = run.collected()
    checks = [one for one in found.checks if not one.dataset.startswith(("silver.", "gold."))]
    return run.evaluated(settings, "local", checks, facts_of(found.keys))


def evaluated_of(datasets: Sequence[str], settings: Settings) -> list[Result]:
    found = run.collected()
    checks = [one for one in found.checks if one.dataset in datasets]
    return run.evaluated(settings, "local", checks, facts_of(found.keys))


def not_passed(results: Sequence[Result]) -> set[tuple[str, str]]:
    return {(one.dataset, one.check) for one in results if one.outcome != "passed"}


@pytest.fixture(scope="module")
def before(loaded_stack: Settings) -> list[Result]:
    return evaluated(loaded_stack)


def test_every_row_of_a_loaded_stack_is_accounted_for(before: list[Result]) -> None:
    """Other files publish hostile events into the same log; what the stores hold of them is still all there."""
    counted = [one for one in before if one.kind == "row_count" or one.source == "contract"]
    assert {one.dataset.partition(".")[0] for one in counted} == {"lake", "postgres", "dynamodb"}
    assert [(one.dataset, one.check, one.detail) for one in counted if one.outcome != "passed"] == []
    assert all(one.positions.next_offsets for one in before if one.outcome == "passed")
    assert [one.detail for one in before if one.outcome == "unknown"] == []


@contextmanager
def lost_in_lake(settings: Settings) -> Iterator[Planted]:
    """An event that no other check counts."""
    table = open_catalog(settings).load_table((settings.lake.database, "clicks"))
    row = table.scan("type = 'page_viewed'").to_arrow().slice(0, 1)
    partition, offset = (row.column(name)[0].as_py() for name in ("kafka_partition", "kafka_offset"))
    table.delete(f"kafka_partition = {partition} and kafka_offset = {offset}")
    try:
        yield "lake.clicks", "row_count(kafka.clicks)", f"missing clicks-{partition}@{offset}"
    finally:
        table.append(row)


@contextmanager
def changed_in_postgres(settings: Settings) -> Iterator[Planted]:
    change = sql.SQL("UPDATE shop.orders SET total_cents = total_cents + {} WHERE (order_id, customer_id) = (%s, %s)")
    with psycopg.connect(settings.postgres.conninfo(), autocommit=True) as connection:
        key = connection.execute(
            "SELECT order_id, customer_id FROM shop.orders WHERE placed_at IS NOT NULL ORDER BY 1 LIMIT 1"
        ).fetchone()
        assert key is not None
        connection.execute(change.format(1), key)
        try:
            yield "postgres.orders", "sums(total_cents)", "/".join(key)
        finally:
            connection.execute(change.format(-1), key)


@contextmanager
def added_to_dynamodb(settings: Settings) -> Iterator[Planted]:
    client, table = aws.client("dynamodb"), settings.dynamodb.orders_table
    item = client.scan(TableName=table, Limit=1)["Items"][0] | {"sk": {"S": "a-copy"}}
    client.put_item(TableName=table, Item=item)
    try:
        key = f"unexpected {item['pk']['S']}/a-copy"
        yield "dynamodb.orders", "row_count(pk, sk -> lake.orders)", key
    finally:
        client.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})


@contextmanager
def null_in_mongo(settings: Settings) -> Iterator[Planted]:
    with MongoClient[dict[str, Any]](settings.mongo.uri) as client:
        customers = client[settings.mongo.database]["customers"]
        one = customers.find_one({"profile.registered_at": {"$exists": True}})
        assert one is not None
        customers.update_one({"_id": one["_id"]}, {"$unset": {"profile.email": ""}})
        try:
            columns = "profile.name, profile.email, profile.country, profile.segment, profile.status"
            yield "mongodb.customers", f"completeness({columns})", one["_id"]
        finally:
            customers.update_one({"_id": one["_id"]}, {"$set": {"profile.email": one["profile"]["email"]}})


@contextmanager
def shifted_in_redis(settings: Settings) -> Iterator[Planted]:
    with board_of(settings) as board:
        product = next(field for field, value in board.hgetall("shoplake:stock").items() if value != "0")
        board.hincrby("shoplake:stock", product, 1_000_000)
        try:
            yield "redis.stock", "sums(product_id -> postgres.inventory)", product
        finally:
            board.hincrby("shoplake:stock", product, -1_000_000)


DAMAGE: list[Callable[[Settings], Any]] = [
    lost_in_lake,
    changed_in_postgres,
    added_to_dynamodb,
    null_in_mongo,
    shifted_in_redis,
]


def test_one_planted_damage_in_each_store_is_found_with_its_key(loaded_stack: Settings, before: list[Result]) -> None:
    with ExitStack() as damages:
        planted = [damages.enter_context(damage(loaded_stack)) for damage in DAMAGE]
        results = {(one.dataset, one.check): one for one in evaluated(loaded_stack)}
    for dataset, check, key in planted:
        found = results[dataset, check]
        assert (found.outcome, key in found.failing_keys) == ("failed", True), (found, key)
    elsewhere = not_passed(list(results.values())) - not_passed(before) - {(d, c) for d, c, _ in planted}
    # A check that crosses stores also finds the damage of the other store.
    assert elsewhere == {("dynamodb.orders", "total is that of Postgres")}
    shown = [key for one in results.values() for key in one.failing_keys]
    assert not [key for key in shown if "@example" in key]


def test_a_run_is_kept_and_shown(loaded_stack: Settings) -> None:
    names = ["--dataset", "postgres.reviews", "--dataset", "redis.funnel"]
    done = CliRunner().invoke(app, ["quality", "run", *names, "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert (document["datasets"], document["failed"]) == (2, 0)
    with history.opened(loaded_stack) as kept:
        report = kept.report(document["run"][:20])
        ((_, measure, outcome), *_) = kept.measures("postgres.reviews", "range(rating)")[-1:]
    assert json.loads(json.dumps(report.as_json()))["results"] == sorted(
        document["results"], key=lambda one: (one["dataset"], one["check"])
    )
    assert (measure, outcome) == (1.0, "passed")
    shown = CliRunner().invoke(app, ["quality", "show", document["run"], "--all"])
    assert "postgres.reviews" in shown.stdout
    assert document["run"] in CliRunner().invoke(app, ["quality", "show", "--runs"]).stdout


def test_the_catalogue_shows_the_newest_checks_of_a_dataset(loaded_stack: Settings) -> None:
    older, newer = (
        CliRunner().invoke(app, ["quality", "run", "--dataset", "postgres.reviews", "--json"]) for _ in "12"
    )
    assert (older.exit_code, newer.exit_code) == (0, 0), newer.output
    document = json.loads(newer.stdout)
    shown = CliRunner().invoke(app, ["catalog", "show", "postgres.reviews", "--checks", "--json"])
    checks = json.loads(shown.stdout)["checks"]
    assert checks["run"] == document["run"]
    assert checks["results"] == sorted(document["results"], key=lambda one: one["check"])
    with psycopg.connect(loaded_stack.postgres.conninfo()) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM shop.reviews").fetchone() or (0,)
    text = CliRunner().invoke(app, ["catalog", "show", "postgres.reviews", "--checks"]).stdout
    assert f"{len(document['results'])} passed, {rows:,} rows on " in text
    unchecked = CliRunner().invoke(app, ["catalog", "show", "jobs.generate", "--checks"]).stdout
    assert "none yet" in unchecked


def test_only_the_newest_runs_and_profiles_are_kept(loaded_stack: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "KEEP_RUNS", 2)
    monkeypatch.setattr(history, "KEEP_PROFILES", 2)
    start = datetime.now(UTC)
    result = evaluated_of(["postgres.reviews"], loaded_stack)[0]
    with history.opened(loaded_stack) as kept:
        for number in range(4):
            at = start + timedelta(milliseconds=number)
            kept.add(Report(f"kept-{number}", at, 0.1, [result]))
            kept.add_profile(f"kept-{number}", "postgres.reviews", at, {"number": number})
        assert [run for run, *_ in kept.runs(10)] == ["kept-3", "kept-2"]
        assert [run for run, *_ in kept.profiles("postgres.reviews")] == ["kept-3", "kept-2"]
        assert kept.report("kept-3").results == [result]


def test_a_store_that_does_not_answer_is_unknown_and_the_others_are_checked(loaded_stack: Settings) -> None:
    nowhere = loaded_stack.model_copy(update={"redis": loaded_stack.redis.model_copy(update={"port": 1})})
    results = evaluated_of(("redis.stock", "postgres.reviews"), nowhere)
    assert {one.outcome for one in results if one.dataset == "redis.stock"} == {"unknown"}
    assert {one.outcome for one in results if one.dataset == "postgres.reviews"} == {"passed"}


def test_a_caught_up_store_is_fresh_and_one_that_is_down_is_unknown(loaded_stack: Settings) -> None:
    facts = facts_of({})
    some = {
        name: one for name, one in facts.datasets.items() if name in ("lake.orders", "postgres.orders", "redis.stock")
    }
    found = {one.dataset: one for one in ages.ages(loaded_stack, "local", Facts(some))}
    assert {one.arrival_s for one in found.values()} == {0.0}
    assert found["lake.orders"].event_time_s == found["postgres.orders"].event_time_s
    nowhere = loaded_stack.model_copy(update={"redis": loaded_stack.redis.model_copy(update={"port": 1})})
    found = {one.dataset: one for one in ages.ages(nowhere, "local", Facts(some))}
    assert (found["redis.stock"].event_time_s, bool(found["redis.stock"].problem)) == (None, True)
    assert found["lake.orders"].arrival_s == 0.0


def test_profiles_are_kept_and_compared(loaded_stack: Settings) -> None:
    runner = CliRunner()
    for _ in range(2):
        done = runner.invoke(app, ["profile", "postgres.customers", "--json"])
        assert done.exit_code == 0, done.output
    columns = {one["name"]: one for one in json.loads(done.stdout)["columns"]}
    assert columns["email"]["personal"]
    assert columns["email"]["distinct"] > 0
    assert "@" not in done.stdout
    same = runner.invoke(app, ["profile", "diff", "postgres.customers"])
    assert (same.exit_code, "no difference" in same.stdout) == (0, True)
    assert runner.invoke(app, ["profile", "diff", "postgres.products"]).exit_code == 1
