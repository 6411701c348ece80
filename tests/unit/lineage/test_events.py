"""OpenLineage events: what the standard asks of them, and the datasets and columns that the map knows."""

from __future__ import annotations

import datetime as dt
import os
import uuid

import pytest

from shoplake import run_log
from shoplake.lineage import history
from shoplake.lineage.events import Events, addresses
from shoplake.map import project
from shoplake.proc_stat import start_time
from shoplake.run_log import RunRecord
from shoplake.settings import (
    DynamoDBSettings,
    KafkaSettings,
    LakeSettings,
    MongoSettings,
    PostgresSettings,
    RedisSettings,
    Settings,
)

RUN = "0b0d8a3a-4f3e-4d6f-8f0b-6f1f0d2f7c11"
STARTED = start_time(os.getpid()) or 0


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings.model_construct(
        environment="local",
        kafka=KafkaSettings(bootstrap_servers="127.0.0.1:9092"),
        postgres=PostgresSettings(host="127.0.0.1", port=5432, database="shoplake", user="u", password="secret"),
        redis=RedisSettings(host="127.0.0.1", port=6379, password="secret"),
        mongo=MongoSettings(uri="mongodb://u:secret@127.0.0.1:27017", database="shop"),
        dynamodb=DynamoDBSettings(sessions_table="sessions", orders_table="orders", checkpoints_table="checkpoints"),
        lake=LakeSettings(bucket="lake", warehouse="s3://lake/warehouse", database="shop", catalog="glue"),
    )


@pytest.fixture(scope="module")
def events(settings: Settings) -> Events:
    return Events(project.graph(), settings)


def record(job: str, state: run_log.State = "COMPLETE", **more) -> RunRecord:
    return RunRecord(
        state=state, job=job, run=RUN, time_ms=1_790_000_000_123, environment="local", pid=1, started=2, **more
    )


def jobs() -> list[str]:
    return [one.name for one in project.graph().datasets.values() if one.kind == "job"]


@pytest.mark.parametrize("state", ["START", "COMPLETE", "ABORT", "FAIL"])
def test_each_job_has_events_as_the_standard_asks(events: Events, state: run_log.State) -> None:
    for job in jobs():
        event = events.of(record(job, state))
        assert event["eventType"] == state
        assert dt.datetime.fromisoformat(event["eventTime"]) == dt.datetime.fromtimestamp(1_790_000_000.123, dt.UTC)
        assert event["producer"].startswith("https://")
        assert event["schemaURL"].endswith("#/$defs/RunEvent")
        assert uuid.UUID(event["run"]["runId"])
        assert (event["job"]["namespace"], event["job"]["name"]) == ("shoplake-local", job)
        assert event["outputs"] or job == "verify"  # which writes nothing
        for dataset in (*event["inputs"], *event["outputs"]):
            assert dataset["namespace"]
            assert dataset["name"]
            assert {"schema", "documentation", "ownership"} <= dataset["facets"].keys()
        for part in (event["run"], event["job"], *event["inputs"], *event["outputs"]):
            for facet in part["facets"].values():
                assert facet["_producer"].startswith("https://")
                assert facet["_schemaURL"].startswith("https://")


def test_a_sink_reads_topics_and_writes_tables_column_by_column(events: Events) -> None:
    event = events.of(record("sink-postgres", counts={"events": 7}, positions='{"orders": {"0": 3}}'))
    assert {(one["namespace"], one["name"]) for one in event["inputs"]} == {
        ("kafka://127.0.0.1:9092", topic) for topic in ("customers", "products", "orders", "inventory", "reviews")
    }
    orders = next(one for one in event["outputs"] if one["name"] == "shoplake.shop.orders")
    assert orders["namespace"] == "postgres://127.0.0.1:5432"
    total = orders["facets"]["columnLineage"]["fields"]["total_cents"]["inputFields"]
    assert {("orders", "total_cents")} <= {(one["name"], one["field"]) for one in total}
    assert event["run"]["facets"]["shoplake_positions"]["positions"] == {"orders": {"0": 3}}
    assert event["run"]["facets"]["shoplake_counts"]["counts"] == {"events": 7}


def test_the_warehouse_reads_the_lake_and_writes_gold(events: Events) -> None:
    event = events.of(record("warehouse"))
    assert ("s3://lake", "warehouse/shop.db/orders") in {(one["namespace"], one["name"]) for one in event["inputs"]}
    assert ("s3://lake", "warehouse/shop_gold.db/revenue_daily") in {
        (one["namespace"], one["name"]) for one in event["outputs"]
    }


def test_a_run_of_a_workflow_keeps_its_name_and_has_what_the_map_says_of_workflows(events: Events) -> None:
    event = events.of(record("workflow-daily-close", "COMPLETE"))
    assert event["job"]["name"] == "workflow-daily-close"
    assert event["job"]["facets"]["ownership"]["owners"] == [{"name": "team:data-platform"}]
    assert [(one["namespace"], one["name"]) for one in event["outputs"]] == [
        ("postgres://127.0.0.1:5432", "shoplake.dagster")
    ]


def test_a_run_of_checks_has_their_results_by_dataset(events: Events) -> None:
    checks = (
        run_log.CheckOutcome("postgres.orders", "unique", "uniqueness", "error", passed=True),
        run_log.CheckOutcome("postgres.orders", "range(total_cents)", "range", "warn", passed=False),
        run_log.CheckOutcome("gold.fct_orders", "not_null", "completeness", "error", passed=True),
    )
    event = events.of(record("quality", checks=checks))
    found = {one["name"]: one["inputFacets"]["dataQualityAssertions"] for one in event["inputs"]}
    assert set(found) == {"shoplake.shop.orders", "warehouse/shop_gold.db/fct_orders"}
    orders = found["shoplake.shop.orders"]["assertions"]
    assert [(one["name"], one["assertion"], one["success"], one["severity"]) for one in orders] == [
        ("unique", "uniqueness", True, "error"),
        ("range(total_cents)", "range", False, "warn"),
    ]
    assert "DataQualityAssertionsDatasetFacet" in found["shoplake.shop.orders"]["_schemaURL"]


def test_a_failed_run_has_its_error_and_no_columns(events: Events) -> None:
    event = events.of(record("sink-redis", "FAIL", error="redis is away"))
    assert event["run"]["facets"]["errorMessage"]["message"] == "redis is away"
    assert all("columnLineage" not in one["facets"] for one in event["outputs"])


def test_every_system_of_the_map_has_an_address_without_a_password(settings: Settings) -> None:
    known = addresses(settings)
    assert {one.system for one in project.graph().datasets.values()} <= known.keys() | {"jobs"}
    assert "secret" not in str(known)


def test_a_run_whose_process_is_gone_gets_an_end() -> None:
    alive = RunRecord(
        state="START", job="generate", run="a", time_ms=1, environment="local", pid=os.getpid(), started=STARTED
    )
    killed = RunRecord(
        state="START", job="sink-lake", run="b", time_ms=2, environment="local", pid=os.getpid(), started=STARTED - 1
    )
    added = history.completed([alive, killed], now_ms=5)[2:]
    assert [(one.run, one.state, one.time_ms, one.error) for one in added] == [
        ("b", "ABORT", 5, "the process was killed")
    ]
    assert history.completed([alive, killed, *added], now_ms=9)[3:] == []
